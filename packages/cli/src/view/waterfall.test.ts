import type { CallRecord } from '@berth/sdk/call-record';
import { describe, expect, it } from 'vitest';
import { waterfall } from './waterfall.ts';

function record(change: Partial<CallRecord>): CallRecord {
  return {
    traceId: 't',
    spanId: 's',
    protocol: 'cri',
    plugin: 'runc',
    method: 'RunPodSandbox',
    startedAt: 1000,
    durationMs: 100,
    outcome: 'OK',
    ...change,
  };
}

describe('waterfall', () => {
  it('has nothing to show without calls', () => {
    expect(waterfall([], { width: 100 })).toEqual([]);
  });

  it('indents a call below the one that made it, in the order of their starts', () => {
    const lines = waterfall(
      [
        record({ spanId: 'c', parentSpanId: 'a', protocol: 'oci', method: 'create', startedAt: 1050, durationMs: 20 }),
        record({ spanId: 'b', parentSpanId: 'a', protocol: 'cni', plugin: 'bridge', method: 'ADD', startedAt: 1010, durationMs: 30 }),
        record({ spanId: 'a' }),
      ],
      { width: 100 },
    );
    expect(lines.map((line) => line.slice(0, 24).trimEnd())).toEqual(['cri runc RunPodSandbox', '  cni bridge ADD', '  oci runc create']);
  });

  it('places bars on one time axis', () => {
    const lines = waterfall([record({ spanId: 'a', durationMs: 50 }), record({ spanId: 'b', startedAt: 1050, durationMs: 50 })], {
      width: 44 + 11 + 2 + 40,
    });
    const bars = lines.map((line) => line.slice(44 + 11 + 2));
    expect(bars[0]).toBe('█'.repeat(20));
    expect(bars[1]).toBe(' '.repeat(20) + '█'.repeat(20));
  });

  it('shows a call without a parent among them as a root', () => {
    expect(waterfall([record({ parentSpanId: 'elsewhere' })], { width: 100 })[0]).toMatch(/^cri runc/);
  });

  it('says how a failed call ended', () => {
    const [line] = waterfall([record({ outcome: 'UNAVAILABLE', message: 'nobody listens' })], {
      width: 100,
      paintFailure: (text) => `!${text}`,
    });
    expect(line).toMatch(/^!.*UNAVAILABLE: nobody listens$/);
  });
});
