import { spawn } from 'node:child_process';

/** How a program ended and what it printed; `error` where it could not be started, or a signal ended it. */
export interface ProgramEnd {
  error?: Error | undefined;
  status: number | null;
  stdout: string;
  stderr: string;
}

const timeLimitMs = 30_000;
const outputLimit = 64 * 1024 * 1024;

/**
 * Runs a program without input beside what the caller does next, as spawnSync does before it: changes of the kernel's network take it
 * longest to wait for other processors, and such waits can go on at once.
 */
export async function runBeside(program: string, parameters: string[]): Promise<ProgramEnd> {
  const { promise, resolve } = Promise.withResolvers<ProgramEnd>();
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeLimitMs, killSignal: 'SIGKILL' });
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text;
      if (printed[name].length > outputLimit) child.kill('SIGKILL');
    });
  }
  child.once('error', (error) => resolve({ error, status: null, ...printed }));
  child.once('close', (status, signal) => {
    const error = signal === null ? undefined : new Error(`was ended by ${signal}: it may take ${timeLimitMs / 1000} s and print 64 MiB`);
    resolve({ error, status, ...printed });
  });
  return promise;
}
