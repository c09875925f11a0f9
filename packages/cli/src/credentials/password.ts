import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';

/** The first line of standard input; at a terminal it is asked for by `prompt`, and not shown. */
export async function readPassword(prompt: string): Promise<string> {
  const isTerminal = process.stdin.isTTY === true;
  if (isTerminal) process.stderr.write(prompt);
  const hidden = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: hidden, terminal: isTerminal });
  try {
    lines.once('SIGINT', () => lines.close());
    const [line] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string?];
    if (line !== undefined) return line;
  } finally {
    lines.close();
    if (isTerminal) process.stderr.write('\n');
  }
  throw new PluginError('INVALID_ARGUMENT', 'no password came on standard input', {
    object: '--creds',
    hint: 'write USER:PASSWORD, or give the password on standard input',
  });
}
