import { boundedCall } from '../case-scope.ts';
import { ExecutingProcess } from './executing-process.ts';
import type { Execution, ExecutionRequest } from './execution.ts';

/** An execution as a case asks for it: until when it may last, its case says. */
export interface CaseExecution extends Omit<ExecutionRequest, 'limitMs'> {
  /** Kills the program, with all processes that it has started. */
  signal?: AbortSignal;
}

const timeLimitMs = 30_000;

/** Executes the programs of a run. */
export class Executor {
  /** Multiplies the time limits, for a slow host. */
  readonly timeFactor: number;
  readonly #process = ExecutingProcess.use();
  readonly #closed = new AbortController();

  constructor(timeFactor = 1) {
    this.timeFactor = timeFactor;
  }

  /** Throws where the program can't be started, and where it hangs: it is then killed with all that it has started. */
  async execute({ signal, ...execution }: CaseExecution): Promise<Execution> {
    if (this.#closed.signal.aborted) throw new Error('the run is over: nothing more is executed');
    const { signal: given, deadlineMs = Number.POSITIVE_INFINITY } = boundedCall(signal && { signal });
    const limitMs = Math.min(deadlineMs, timeLimitMs * this.timeFactor);
    const signals = [this.#closed.signal, ...(given ? [given] : [])];
    const ended = await this.#process.execute({ ...execution, limitMs }, AbortSignal.any(signals));
    if (!ended.late) return ended;
    throw new Error(`${execution.env.CNI_COMMAND ?? execution.command.flat().join(' ')} did not end within ${limitMs} ms`);
  }

  /** Kills what it still executes. */
  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#process.release();
  }
}
