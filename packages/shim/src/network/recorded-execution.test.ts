import type { Execution } from '@berth/sdk/cni/execution';
import { describe, expect, it } from 'vitest';
import { recordedExecution } from './recorded-execution.ts';

const execution: Execution = {
  plugin: 'bridge',
  file: '/opt/cni/bin/bridge',
  network: 'net',
  verb: 'ADD',
  containerId: 'c1',
  ifName: 'eth0',
  env: { CNI_COMMAND: 'ADD' },
  stdin: '{}',
  stdout: '{"ips":[]}',
  stderr: 'said',
  exitCode: 0,
  signal: null,
  startedAt: 1,
  durationMs: 2,
};

describe('recordedExecution', () => {
  it('keeps what the plugin was given and what it printed', () => {
    const { file, env, stdin, stdout, stderr } = execution;
    expect(recordedExecution(execution)).toEqual({ file, env, stdin, stdout, stderr, exitCode: 0, signal: null });
  });

  it.each([
    ['letters', 'x'],
    ['characters that JSON writes in six', '\u0001'],
  ])('leaves out the middle of a long text of %s', (_, character) => {
    const { stderr } = recordedExecution({ ...execution, stderr: `begin${character.repeat(100_000)}end` });
    expect(stderr).toMatch(/^begin.*\n\.\.\. \d+ characters are left out \.\.\.\n.*end$/s);
    expect(JSON.stringify(stderr).length).toBeLessThan(17_000);
  });
});
