import { text } from 'node:stream/consumers';
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

/** Runs a program without input to its end. Throws errno's error where it can't be started, the signal's reason where that ended it. */
export async function runToEnd(file: string, args: string[], { signal, cwd }: RunOptions): Promise<Outcome> {
  signal.throwIfAborted();
  const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Outcome, 'code' | 'signal'>>();
  child.once('error', reject).once('exit', (code, ended) => resolve({ code, signal: ended }));
  const kill = (): void => {
    child.kill('SIGKILL');
    // What it has started may hold the pipes open.
    child.stdout.destroy();
    child.stderr.destroy();
    reject(signal.reason);
  };
  signal.addEventListener('abort', kill, { once: true });
  try {
    const [end, stdout, stderr] = await Promise.all([promise, text(child.stdout), text(child.stderr)]);
    return { ...end, stdout, stderr };
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
