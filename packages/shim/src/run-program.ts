import { PluginError } from '@berth/sdk/errors';
import { type Outcome, runToEnd } from './process/run-to-end.ts';

interface ProgramOptions {
  signal: AbortSignal;
  cwd?: string;
  /** Default 30 seconds. */
  timeoutMs?: number;
}

/** Runs a program to its end and gives its standard output; what fails says the program, its arguments and what it printed. */
export async function runProgram(program: string, args: string[], { signal, cwd, timeoutMs = 30_000 }: ProgramOptions): Promise<string> {
  const object = [program, ...args].join(' ').slice(0, 200);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const outcome = await runToEnd(program, args, { cwd, signal: limit }).catch((error: NodeJS.ErrnoException) => {
    throw notRun(program, error, limit, object);
  });
  if (outcome.code === 0) return outcome.stdout;
  throw new PluginError('INTERNAL', outcome.stderr.trim() || ending(outcome), { object });
}

function notRun(program: string, error: NodeJS.ErrnoException, limit: AbortSignal, object: string): PluginError {
  if (limit.aborted) return PluginError.from(limit.reason, 'DEADLINE_EXCEEDED', { object });
  if (error.code !== 'ENOENT') return PluginError.from(error, 'INTERNAL', { object });
  return new PluginError('FAILED_PRECONDITION', 'it is not on PATH', {
    object: program,
    hint: 'install it, or see "berth doctor"',
    cause: error,
  });
}

function ending({ code, signal }: Outcome): string {
  return signal ? `it was killed by ${signal}` : `exit status ${code}`;
}
