import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const foreground = join(import.meta.dirname, 'foreground.mjs');

/** A process that runs `script` by `foreground` and exits with its status, in a group of its own as a shell would start it. */
function start(script: string) {
  const main = `import { foreground } from ${JSON.stringify(foreground)};
    process.exitCode = await foreground(process.execPath, ['-e', ${JSON.stringify(script)}]);`;
  return spawn(process.execPath, ['--input-type=module', '-e', main], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
}

/** Counts the interrupts it gets, and says so when it is told to end. */
const counting = `
  let interrupts = 0;
  process.on('SIGINT', () => { interrupts++; console.log('interrupted'); });
  process.on('SIGTERM', () => { console.log(interrupts); process.exit(3); });
  setInterval(() => {}, 1000);
  console.log('ready');`;

it('exits as the program does', async () => {
  expect((await once(start('process.exit(7)'), 'close'))[0]).toBe(7);
});

it('tells a signal that ended the program as a shell does', async () => {
  expect((await once(start('process.kill(process.pid, "SIGKILL")'), 'close'))[0]).toBe(137);
});

it('hands an interrupt of the whole group, which npm repeats, to the program once and waits for its end', async () => {
  const child = start(counting);
  const lines: string[] = [];
  const closed = once(child, 'close');
  child.stdout.setEncoding('utf8');
  for await (const chunk of child.stdout) {
    lines.push(...String(chunk).trim().split('\n'));
    if (child.pid === undefined) continue;
    if (lines.at(-1) === 'interrupted') process.kill(child.pid, 'SIGTERM');
    if (lines.at(-1) !== 'ready') continue;
    process.kill(-child.pid, 'SIGINT');
    process.kill(child.pid, 'SIGINT');
  }
  expect((await closed)[0]).toBe(3);
  expect(lines).toEqual(['ready', 'interrupted', '1']);
});
