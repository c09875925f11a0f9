import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { isRunning, ownProcess } from './process-identity.ts';

const linux = process.platform === 'linux';

it.runIf(linux)('this process runs, and another one of its pid would be another', () => {
  const own = ownProcess();
  expect([isRunning(own), isRunning({ ...own, startTicks: own.startTicks - 1 })]).toEqual([true, false]);
});

it.runIf(linux)('a process that has ended runs no more', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  expect(isRunning({ pid: child.pid ?? 0, startTicks: ownProcess().startTicks })).toBe(false);
});
