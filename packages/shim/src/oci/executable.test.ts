import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { executableOf, untilExecve } from './executable.ts';

describe.skipIf(process.platform !== 'linux')('the executable of a process (Linux)', () => {
  it('is left when it executes another one', async () => {
    const child = spawn('sh', ['-c', 'read go; exec sleep 1000'], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const pid = child.pid as number;
    const shell = (await executableOf(pid)) as string;
    let isLeft = false;
    const left = untilExecve(pid, shell, AbortSignal.timeout(10_000)).then(() => (isLeft = true));
    expect([await executableOf(pid), isLeft]).toEqual([shell, false]);
    child.stdin.write('go\n');
    await left;
    expect(await executableOf(pid)).not.toBe(shell);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await executableOf(pid)).toBeUndefined();
  });

  it('is waited for no longer than the caller does', async () => {
    const own = (await executableOf(process.pid)) as string;
    await expect(untilExecve(process.pid, own, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});
