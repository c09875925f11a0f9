import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, it } from 'vitest';

const url = pathToFileURL(join(import.meta.dirname, 'termination.ts')).href;
let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill('SIGKILL');
  child = undefined;
});

/** A program that takes so long to tidy up. */
async function start(tidyMs: number): Promise<ChildProcess> {
  const text = `const { untilTerminated } = await import('${url}');
    const signal = untilTerminated();
    signal.addEventListener('abort', () => setTimeout(() => process.exit(0), ${tidyMs}));
    console.log('up');
    setInterval(() => {}, 1000);`;
  child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

it('a signal that comes twice at once does not cut the end short', async () => {
  const program = await start(300);
  const exit = once(program, 'exit');
  program.kill('SIGTERM');
  program.kill('SIGINT');
  program.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
});

it('a later one ends the program at once', async () => {
  const program = await start(60_000);
  const exit = once(program, 'exit');
  program.kill('SIGTERM');
  await sleep(1200);
  program.kill('SIGINT');
  expect(await exit).toEqual([130, null]);
});
