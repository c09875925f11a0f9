import { spawn } from 'node:child_process';
import { PluginError } from '@berth/sdk/errors';

const timeoutMs = 30_000;

/** Runs a program to its end, without a shell. A failure names the program and what it said. */
export async function runProgram(program: string, args: string[], signal: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<number | null>();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], signal, timeout: timeoutMs });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  child.once('error', ended.reject);
  child.once('close', ended.resolve);
  const object = [program, ...args].join(' ');
  const status = await ended.promise.catch((error: unknown) => {
    throw PluginError.from(error, 'INTERNAL', { object, hint: `is ${program} on PATH?` });
  });
  if (status === 0) return;
  const what = Buffer.concat(said).toString().trim() || `exit status ${status}`;
  throw new PluginError('INTERNAL', what, { object });
}
