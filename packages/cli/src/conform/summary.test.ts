import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { summaryLines } from './summary.ts';

const rpc = { service: 'RuntimeService', calls: 0, since: '0.23' };

describe('summaryLines', () => {
  it('tells failures with their reasons, skips by reason, what was not covered, and the counts', () => {
    const one = { group: 'log', clause: 'it holds', ms: 1 };
    const coloured = summaryLines({
      suite: 'cri',
      target: 'unix:///x.sock',
      summary: { passed: 0, failed: 1, skipped: 2, rpcsCovered: 1, rpcsTotal: 2, fieldsCovered: 3, fieldsTotal: 4 },
      cases: [
        { ...one, id: 'log.a', result: 'failed', reason: 'got 2' },
        { ...one, id: 'log.b', result: 'skipped', reason: 'no moon' },
        { ...one, id: 'log.c', result: 'skipped', reason: 'no moon' },
      ],
      protocol: {
        rpcs: [
          { ...rpc, name: 'Version', covered: true },
          { ...rpc, name: 'Exec', covered: false },
        ],
        messages: [],
      },
      leftBehind: 'a sandbox',
    });
    const lines = stripVTControlCharacters(coloured.join('\n'));
    expect(lines).toContain('log.a: got 2');
    expect(lines).toContain('  no moon: log.b, log.c');
    expect(lines).toContain('RPCs not covered: Exec');
    expect(lines).toContain('left behind: a sandbox');
    expect(lines).toContain('0 passed, 1 failed, 2 skipped; 1 of 2 RPCs and 3 of 4 fields covered');
  });
});
