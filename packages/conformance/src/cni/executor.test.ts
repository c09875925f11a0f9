import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withinScope } from '../case-scope.ts';
import { Executor } from './executor.ts';

const env = { PATH: process.env.PATH ?? '', CNI_COMMAND: 'ADD' };
const shell = (script: string, stdin = '') => ({ command: ['sh', ['-c', script]] as [string, string[]], env, stdin });

describe('Executor', () => {
  let executor: Executor;
  beforeAll(() => {
    executor = new Executor();
  });
  afterAll(() => executor.close());

  it('gives the exit status and all that was printed', async () => {
    const ended = await executor.execute(shell('cat; echo problem >&2; exit 3', '{"name":"net"}'));
    expect(ended).toMatchObject({ status: 3, stdout: '{"name":"net"}', stderr: 'problem\n' });
  });

  it('gives the program no other environment', async () => {
    const { stdout } = await executor.execute({ command: ['env', []], env: { PATH: env.PATH }, stdin: '' });
    expect(stdout).toBe(`PATH=${env.PATH}\n`);
  });

  it('bears a program that reads nothing of a large input', async () => {
    expect((await executor.execute(shell('exit 0', 'x'.repeat(1_000_000)))).status).toBe(0);
  });

  it('kills a program that hangs, with those that it has started, and says so', async () => {
    const scope = { signal: new AbortController().signal, limitMs: 200, cleanUpMs: 200 };
    const hanging = withinScope(scope, () => executor.execute(shell('sleep 60 & sleep 60')));
    await expect(hanging).rejects.toThrow('ADD did not end within 200 ms');
  });

  it('kills it at the moment that was asked for', async () => {
    const kill = new AbortController();
    const killed = executor.execute({ ...shell('sleep 60'), signal: kill.signal });
    kill.abort();
    expect((await killed).status).toBeNull();
    expect((await executor.execute({ ...shell('sleep 60'), killAfterMs: 10 })).status).toBeNull();
  });

  it('ends it when its case is over', async () => {
    const over = new AbortController();
    const scope = { signal: over.signal, limitMs: 60_000, cleanUpMs: 1000 };
    const ended = withinScope(scope, () => executor.execute(shell('sleep 60')));
    over.abort();
    expect((await ended).status).toBeNull();
  });

  it('tells how long its output was held after its end', async () => {
    const { heldMs, status } = await executor.execute(shell('sleep 0.3 & exit 0'));
    expect(status).toBe(0);
    expect(heldMs).toBeGreaterThan(200);
  });

  it("doesn't wait for a daemon that has left its process group with the output", async () => {
    const { stdout, heldMs } = await executor.execute(shell('setsid sleep 20 & echo $!'));
    process.kill(Number(stdout), 'SIGKILL');
    expect(heldMs).toBeGreaterThan(1000);
    expect(heldMs).toBeLessThan(10_000);
  });

  it('kills a program that prints without end', async () => {
    const { status, stdout } = await executor.execute({ ...shell(''), command: ['yes', []] });
    expect(status).toBeNull();
    expect(stdout.length).toBeLessThanOrEqual(16 * 1024 * 1024);
  });

  it('multiplies the time limit on a slow host, but not beyond that of the case', async () => {
    const slow = new Executor(50);
    const scope = { signal: new AbortController().signal, limitMs: 100, cleanUpMs: 100 };
    await expect(withinScope(scope, () => slow.execute(shell('sleep 60')))).rejects.toThrow('did not end within 100 ms');
    slow.close();
  });

  it('names a program that can not be started', async () => {
    await expect(executor.execute({ command: ['/no/such/program', []], env, stdin: '' })).rejects.toThrow('/no/such/program');
  });

  it('ends what it executes when it is closed, and nothing of another one', async () => {
    const closed = new Executor();
    const [running, other] = [closed.execute(shell('sleep 60')), executor.execute(shell('sleep 0.2'))];
    closed.close();
    expect((await running).status).toBeNull();
    expect((await other).status).toBe(0);
    await expect(closed.execute(shell('exit 0'))).rejects.toThrow('nothing more is executed');
  });
});
