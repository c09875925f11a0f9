import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface ExecutionRequest {
  /** The command line, and all of its environment. */
  command: [program: string, parameters: string[]];
  env: Record<string, string>;
  stdin: string;
  /** When the program is killed for having hung, with all processes that it has started. */
  limitMs: number;
  /** Kills it likewise, on purpose, once this many milliseconds have passed. */
  killAfterMs?: number;
}

/** How an execution ended. */
export interface Execution {
  /** null where it was killed. */
  status: number | null;
  stdout: string;
  stderr: string;
  /** It was killed for having hung. */
  late: boolean;
  /** Milliseconds from its end until all had let go of its output, a few seconds at most: a process that it left behind holds it. */
  heldMs: number;
}

const letGoMs = 2_000;
const outputLimit = 16 * 1024 * 1024;

/**
 * Executes a program in a process group of its own, which is killed when `kill` is aborted, and where it prints more than 16 MiB. Throws if it
 * can't be started.
 */
export async function execute({ command, env, stdin, limitMs, killAfterMs }: ExecutionRequest, kill: AbortSignal): Promise<Execution> {
  const child = spawn(...command, { env, detached: true });
  const killAll = (): void => killGroup(child.pid);
  const stdout = collected(child.stdout, killAll);
  const stderr = collected(child.stderr, killAll);
  // A program may end without reading its input.
  child.stdin.on('error', () => undefined).end(stdin);
  let late = false;
  const hung = (): void => {
    late = true;
    killAll();
  };
  const timers = [setTimeout(hung, limitMs), ...(killAfterMs === undefined ? [] : [setTimeout(killAll, killAfterMs)])];
  kill.addEventListener('abort', killAll, { once: true });
  try {
    const closed = new Promise((done) => child.once('close', done));
    const status = await ended(child);
    const endedAt = performance.now();
    timers.push(
      setTimeout(() => {
        killAll();
        // A process that left the group holds them for as long as it likes.
        child.stdout.destroy();
        child.stderr.destroy();
      }, letGoMs),
    );
    await closed;
    return { status, stdout: stdout(), stderr: stderr(), late, heldMs: performance.now() - endedAt };
  } finally {
    timers.forEach(clearTimeout);
    kill.removeEventListener('abort', killAll);
  }
}

async function ended(child: ChildProcess): Promise<number | null> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('exit', resolve);
  return promise;
}

function collected(stream: Readable, tooMuch: () => void): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (more: string) => {
    if (text.length + more.length <= outputLimit) text += more;
    else tooMuch();
  });
  return () => text;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
