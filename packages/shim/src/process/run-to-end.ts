import type { Readable } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';
import { spawn } from './spawn.ts';

interface RunOptions {
  /** Kills the program when it is aborted. */
  signal: AbortSignal;
  cwd?: string | undefined;
}

/** How a program has ended, and what it printed. */
export interface Outcome {
  /** Null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Of each of its outputs, in characters. */
const outputLimit = 1024 * 1024;

/**
 * Runs a program without input to its end. Throws errno's error where it can't be started, the signal's reason where that ended it, and
 * RESOURCE_EXHAUSTED where it printed more than 1 MiB, which ends it.
 */
export async function runToEnd(file: string, args: string[], { signal, cwd }: RunOptions): Promise<Outcome> {
  signal.throwIfAborted();
  const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Outcome, 'code' | 'signal'>>();
  child.once('error', reject).once('exit', (code, ended) => resolve({ code, signal: ended }));
  const kill = (reason: unknown): void => {
    child.kill('SIGKILL');
    // What it has started may hold the pipes open.
    child.stdout.destroy();
    child.stderr.destroy();
    reject(reason);
  };
  const abort = (): void => kill(signal.reason);
  const overflow = (): void => kill(new PluginError('RESOURCE_EXHAUSTED', 'it printed more than 1 MiB', { object: file }));
  signal.addEventListener('abort', abort, { once: true });
  try {
    const [end, stdout, stderr] = await Promise.all([promise, readAll(child.stdout, overflow), readAll(child.stderr, overflow)]);
    return { ...end, stdout, stderr };
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function readAll(stream: Readable, overflow: () => void): Promise<string> {
  let read = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    read += chunk as string;
    if (read.length > outputLimit) overflow();
  }
  return read;
}
