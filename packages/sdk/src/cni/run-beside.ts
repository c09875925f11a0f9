import type { ChildProcessWithoutNullStreams } from 'node:child_process';

/** How a program ended and what it printed; `error` where it could not be started, or was killed for its time or its output. */
export interface ProgramEnd {
  error?: Error | undefined;
  /** Null where a signal ended it. */
  status: number | null;
  signal?: string | null;
  stdout: string;
  stderr: string;
}

/** Why a program ended as it did, in its own words where it has some. */
export function reasonOf({ stderr, status }: Pick<ProgramEnd, 'stderr' | 'status'>): string {
  return stderr.trim() || `exit status ${status}`;
}

interface RunOptions {
  /** Its standard input. Default: none. */
  input?: string;
  /** Default: this process's own. */
  env?: Record<string, string | undefined>;
  /** Default: 30 seconds. */
  timeLimitMs?: number;
  /** Of each of its outputs, in MiB. Default: 64. */
  outputLimit?: number;
}

const defaultTimeLimitMs = 30_000;
const defaultOutputLimit = 64;
const limitSignal = 'SIGKILL';
const mebibyte = 1024 * 1024;

/**
 * Runs a program beside what the caller does next, as spawnSync does before it: changes of the kernel's network take it longest to wait for
 * other processors, and such waits can go on at once. A process that serves several calls must wait for none of them any other way. At its limits the
 * program is killed, and what holds its outputs open is waited for no longer.
 */
export async function runBeside(
  program: string,
  parameters: string[],
  { input, env, timeLimitMs = defaultTimeLimitMs, outputLimit = defaultOutputLimit }: RunOptions = {},
): Promise<ProgramEnd> {
  // Loaded on need: a plugin that starts no program would wait for it.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const { promise, resolve } = Promise.withResolvers<ProgramEnd>();
  const printed = { stdout: '', stderr: '' };
  let child: ChildProcessWithoutNullStreams;
  try {
    child = spawn(program, parameters, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (error) {
    return { error: error as Error, status: null, ...printed };
  }
  child.once('error', (error) => resolve({ error, status: null, ...printed }));
  // It was not started: without free descriptors it has no outputs either.
  if (child.pid === undefined) return promise;
  let stopped = false;
  // Its process group is that of the plugin which runs it, so that whoever kills that kills it, too; what it has started itself is left to that.
  const stop = (): void => {
    stopped = true;
    child.kill(limitSignal);
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const ended = (status: number | null, signal: string | null): void => {
    // What a program has printed before another signal ended it may be its answer still.
    const limits = `it may take ${timeLimitMs / 1000} s and print ${outputLimit} MiB`;
    const error = stopped || signal === limitSignal ? new Error(`was ended by ${limitSignal}: ${limits}`) : undefined;
    resolve({ error, status, signal, ...printed });
  };
  // The option `timeout` would keep a process from ending whose program could not be started.
  const limit = setTimeout(stop, timeLimitMs);
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text;
      if (printed[name].length > outputLimit * mebibyte) stop();
    });
  }
  child.once('close', ended);
  // Another process may hold its pipes, and nobody reads them any more.
  child.once('exit', (status, signal) => stopped && ended(status, signal));
  // A program may end without reading its input; its exit status tells the rest.
  child.stdin.on('error', () => undefined).end(input);
  return promise.finally(() => clearTimeout(limit));
}
