import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tasks } from './tasks.ts';

describe.skipIf(process.platform !== 'linux')('Tasks', () => {
  let shell: ChildProcess;
  let tasks: Tasks;

  beforeEach(() => {
    shell = spawn('sh', { stdio: ['pipe', 'pipe', 'inherit'] });
    tasks = new Tasks(() => true);
  });
  afterEach(() => {
    tasks.forget();
    shell.kill();
  });

  async function type(command: string): Promise<void> {
    shell.stdin?.write(`${command}; echo done\n`);
    if (shell.stdout) await once(shell.stdout, 'data');
  }

  it('tell of the umask as it is, whoever changed it since the thread was known', async () => {
    const tid = shell.pid ?? 0;
    await type('umask 022');
    expect(tasks.umask(tid)).toBe(0o22);
    await type('umask 077');
    expect(tasks.umask(tid)).toBe(0o77);
  });

  it('know nothing of a thread that has ended', async () => {
    const tid = shell.pid ?? 0;
    await type('true');
    expect(tasks.find(tid)?.processId).toBe(tid);
    shell.stdin?.end();
    await once(shell, 'close');
    expect(tasks.find(tid)).toBeUndefined();
    expect(tasks.umask(tid)).toBeUndefined();
  });
});
