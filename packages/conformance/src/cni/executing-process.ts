import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Execution, ExecutionRequest } from './execution.ts';

/** What the executor's process is told: to execute something, or to kill what it executes. */
export interface ExecutorMessage {
  id: number;
  request?: ExecutionRequest;
}

/** What it answers, once. */
export interface ExecutorAnswer {
  id: number;
  execution?: Execution;
  error?: string;
}

const entry = fileURLToPath(new URL(`./executor-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));

/**
 * A small process that starts the programs of all runs of this one: the larger the memory of a process is, the longer it takes to start
 * another, 2 ms from one of 50 MB and 8 ms from one of 200 MB. Starting it takes 100 ms, so that runs beside each other share it.
 */
export class ExecutingProcess {
  static #current: ExecutingProcess | undefined;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<Execution>>();
  #users = 0;
  #messages = 0;

  private constructor() {
    // Ctrl-C ends the cases first, and they this.
    this.#process = fork(entry, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'], detached: true });
    this.#process.on('message', (answer: ExecutorAnswer) => this.#answered(answer));
    this.#process.on('error', () => this.#ended()).on('exit', () => this.#ended());
  }

  /** The one there is, or a new one. Each user has to release it. */
  static use(): ExecutingProcess {
    ExecutingProcess.#current ??= new ExecutingProcess();
    ExecutingProcess.#current.#users++;
    return ExecutingProcess.#current;
  }

  /** The last user ends it, and kills what it still executes. */
  release(): void {
    if (--this.#users > 0) return;
    this.#forget();
    if (this.#process.connected) this.#process.disconnect();
  }

  /** Throws where the program can't be started. It is killed, with all that it has started, when `kill` is aborted. */
  async execute(request: ExecutionRequest, kill: AbortSignal): Promise<Execution> {
    const id = ++this.#messages;
    const answer = Promise.withResolvers<Execution>();
    const tellToKill = (): void => this.#tell({ id });
    this.#waiting.set(id, answer);
    this.#tell({ id, request });
    if (kill.aborted) tellToKill();
    kill.addEventListener('abort', tellToKill, { once: true });
    try {
      return await answer.promise;
    } finally {
      kill.removeEventListener('abort', tellToKill);
      this.#waiting.delete(id);
    }
  }

  #tell(message: ExecutorMessage): void {
    // A message that can't be sent is told by the callback, and else by an error that nobody listens to.
    if (this.#process.connected) this.#process.send(message, (error) => error && this.#ended());
    else this.#ended();
  }

  #answered({ id, execution, error }: ExecutorAnswer): void {
    const waiting = this.#waiting.get(id);
    if (execution) waiting?.resolve(execution);
    else waiting?.reject(new Error(error));
  }

  #ended(): void {
    this.#forget();
    for (const { reject } of this.#waiting.values()) reject(new Error('the process that executes the plugins has ended'));
  }

  /** The next user gets a new one. */
  #forget(): void {
    if (ExecutingProcess.#current === this) ExecutingProcess.#current = undefined;
  }
}
