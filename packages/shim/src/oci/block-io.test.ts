import { describe, expect, it } from 'vitest';
import { blockIo } from './block-io.ts';

describe('block I/O limits for cgroup v1', () => {
  it('are the throttles of io.max, a device a line', () => {
    const max = '8:0 rbps=1048576 wiops=120\n8:16 wbps=max riops=5\n';
    expect(blockIo({ 'io.max': max }, 'container c')).toEqual({
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1048576 }],
      throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 120 }],
      throttleWriteBpsDevice: [{ major: 8, minor: 16, rate: 0 }],
      throttleReadIOPSDevice: [{ major: 8, minor: 16, rate: 5 }],
    });
  });

  it.each([
    ['1', 10],
    ['default 100', 20],
    ['10000', 1000],
  ])('weigh as io.weight %s says', (weight, expected) => {
    expect(blockIo({ 'io.weight': weight }, 'container c')).toEqual({ weight: expected });
  });

  it('are none without these files', () => {
    expect(blockIo({ 'memory.high': '1' }, 'container c')).toBeUndefined();
  });

  it.each([
    ['io.max', '8:0'],
    ['io.max', 'sda rbps=1'],
    ['io.max', '8:0 rbps=-1'],
    ['io.max', '8:0 rbps=1 bps=2'],
    ['io.weight', '0'],
    ['io.weight', '10001'],
    ['io.weight', '8:0 100'],
  ])('are refused for %s %j', (file, content) => {
    expect(() => blockIo({ [file]: content }, 'container c')).toThrow(/container c: linux\.resources\.unified/);
  });
});
