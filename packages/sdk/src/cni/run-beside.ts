import { spawn } from 'node:child_process';

/** How a program ended and what it printed; `error` where it could not be started, or a signal ended it. */
export interface ProgramEnd {
  error?: Error | undefined;
  status: number | null;
  stdout: string;
  stderr: string;
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
const mebibyte = 1024 * 1024;

/**
 * Runs a program beside what the caller does next, as spawnSync does before it: changes of the kernel's network take it longest to wait for
 * other processors, and such waits can go on at once. A process that serves several calls must wait for none of them any other way.
 */
export async function runBeside(
  program: string,
  parameters: string[],
  { input, env, timeLimitMs = defaultTimeLimitMs, outputLimit = defaultOutputLimit }: RunOptions = {},
): Promise<ProgramEnd> {
  const { promise, resolve } = Promise.withResolvers<ProgramEnd>();
  const child = spawn(program, parameters, { env, stdio: ['pipe', 'pipe', 'pipe'], timeout: timeLimitMs, killSignal: 'SIGKILL' });
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text;
      if (printed[name].length > outputLimit * mebibyte) child.kill('SIGKILL');
    });
  }
  child.once('error', (error) => resolve({ error, status: null, ...printed }));
  child.once('close', (status, signal) => {
    const error =
      signal === null ? undefined : new Error(`was ended by ${signal}: it may take ${timeLimitMs / 1000} s and print ${outputLimit} MiB`);
    resolve({ error, status, ...printed });
  });
  // A program may end without reading its input; its exit status tells the rest.
  child.stdin.on('error', () => undefined).end(input);
  return promise;
}
