import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Executor } from './executor.ts';
import { TestHost } from './host.ts';

const env = { PATH: process.env.PATH ?? '' };

describe.runIf(process.getuid?.() === 0)('TestHost', () => {
  let executor: Executor;
  beforeAll(() => {
    executor = new Executor();
  });
  afterAll(() => executor.close());

  const execute = (host: TestHost, script: string) => host.execute('sh', ['-c', script], { env, stdin: '' });

  it('ends what the suite executes on it yet, and tells that of no plugin', async () => {
    const host = await TestHost.begin(executor);
    const executing = Array.from({ length: 8 }, () => execute(host, 'sleep 60 & sleep 60'));
    expect(await host.end()).toEqual([]);
    for (const { status } of await Promise.all(executing)) expect(status).toBeNull();
  });

  it('tells the processes that a program left behind, and kills them', async () => {
    const host = await TestHost.begin(executor);
    const { stdout } = await execute(host, 'setsid sleep 61 > /dev/null 2>&1 & echo $!');
    const [left, ...others] = await host.end();
    expect(left).toMatch(/^process \d+ \((setsid )?sleep 61\)$/);
    expect(left).toContain(stdout.trim());
    expect(others).toEqual([]);
    await expect.poll(() => isRunning(Number(stdout))).toBe(false);
  });

  it('tells them too where others were killed', async () => {
    const host = await TestHost.begin(executor);
    await execute(host, 'setsid sleep 62 > /dev/null 2>&1 &');
    const executing = execute(host, 'sleep 60');
    expect(await host.end()).toEqual([expect.stringContaining('sleep 62')]);
    await executing;
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
