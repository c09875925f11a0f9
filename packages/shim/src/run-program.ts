import { type ExecFileException, execFile } from 'node:child_process';
import { PluginError } from '@berth/sdk/errors';

interface ProgramOptions {
  signal: AbortSignal;
  cwd?: string;
  /** Default 30 seconds. */
  timeoutMs?: number;
}

/** Runs a program to its end and gives its standard output; what fails says the program, its arguments and what it printed. */
export async function runProgram(program: string, args: string[], { signal, cwd, timeoutMs = 30_000 }: ProgramOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  execFile(program, args, { cwd, signal: limit, killSignal: 'SIGKILL', encoding: 'utf8' }, (error, stdout, stderr) => {
    if (!error) return resolve(stdout);
    reject(failure(program, args, error, stderr, limit));
  });
  return promise;
}

function failure(program: string, args: string[], error: ExecFileException, stderr: string, limit: AbortSignal): PluginError {
  const object = [program, ...args].join(' ').slice(0, 200);
  if (error.code === 'ENOENT') {
    return new PluginError('FAILED_PRECONDITION', 'it is not on PATH', {
      object: program,
      hint: 'install it, or see "berth doctor"',
      cause: error,
    });
  }
  if (limit.aborted) return PluginError.from(limit.reason, 'DEADLINE_EXCEEDED', { object });
  return new PluginError('INTERNAL', stderr.trim() || error.message, { object, cause: error });
}
