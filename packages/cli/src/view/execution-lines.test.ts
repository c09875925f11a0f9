import type { CallRecord } from '@berth/sdk/call-record';
import { expect, it } from 'vitest';
import { executionLines } from './execution-lines.ts';

const record: CallRecord = {
  traceId: 't',
  spanId: 's',
  protocol: 'cni',
  plugin: 'bridge',
  method: 'ADD',
  subject: 'eth0',
  startedAt: 0,
  durationMs: 12.34,
  outcome: 'UNAVAILABLE',
  message: 'not yet',
  execution: {
    file: '/opt/cni/bin/bridge',
    env: { CNI_COMMAND: 'ADD', CNI_IFNAME: 'eth0' },
    stdin: '{"mtu":1400}',
    stdout: 'no JSON',
    stderr: '',
    exitCode: 1,
    signal: null,
  },
};

it('shows what a plugin was given and what it printed', () => {
  expect(executionLines(record, (text) => `!${text}`)).toEqual([
    'cni bridge ADD eth0  12.3 ms  1970-01-01T00:00:00.000Z',
    '!UNAVAILABLE: not yet',
    '  /opt/cni/bin/bridge: exit status 1',
    '  environment:',
    '    CNI_COMMAND=ADD',
    '    CNI_IFNAME=eth0',
    '  stdin:',
    '    {',
    '      "mtu": 1400',
    '    }',
    '  stdout:',
    '    no JSON',
    '  stderr: nothing',
    '',
  ]);
});
