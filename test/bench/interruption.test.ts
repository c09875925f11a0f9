import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

const bench = `
  import { interruptible, waitOrInterruption } from ${JSON.stringify(new URL('interruption.ts', import.meta.url).href)};
  await interruptible(async () => {
    console.log('waiting');
    try {
      await waitOrInterruption(600_000);
    } finally {
      console.log('taken back');
    }
  });
`;

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s ends a bench in the middle of a wait, which takes back what it has made, with status %i', async (signal, status) => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', bench]);
  const ended = once(child, 'close');
  const [printed, told] = [text(child.stdout), text(child.stderr)];
  await once(child.stdout, 'data');
  child.kill(signal);
  expect(await ended).toEqual([status, null]);
  expect([await printed, await told]).toEqual(['waiting\ntaken back\n', 'interrupted\n']);
});
