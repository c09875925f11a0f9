import { createInterface } from 'node:readline';
import { describeCall, type Execution, type ExecutionInput, type ExecutionLimits } from '@berth/sdk/cni/execution';
import { type ServedAnswer, type ServedRequest, serveArgument } from '@berth/sdk/cni/serve';
import { PluginError } from '@berth/sdk/errors';
import { type SpawnedProcess, spawn } from '../process/spawn.ts';

/** Longest that a call which nobody waits for any more may go on: what takes it back must not run beside it. */
const abandonedLimitMs = 2000;

/** A process of a program that serves its plugins (`@berth/sdk/cni/serve`). It ends with this one, since its standard input does. */
export class PluginServer {
  readonly #process: SpawnedProcess;
  readonly #waiting = new Map<number, (answer: ServedAnswer | undefined) => void>();
  #serial = 0;
  #ended = false;
  #lastWords = '';

  constructor(file: string) {
    this.#process = spawn(file, [serveArgument], { detached: true });
    const { stdin, stdout, stderr } = this.#process;
    // What can't be written to has ended, which is told by that.
    stdin.on('error', () => undefined);
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = `${this.#lastWords}${text}`.slice(-200);
    });
    createInterface({ input: stdout }).on('line', (line) => this.#take(JSON.parse(line) as ServedAnswer));
    this.#process.once('error', () => this.#end()).once('close', () => this.#end());
  }

  get ended(): boolean {
    return this.#ended;
  }

  get idle(): boolean {
    return this.#waiting.size === 0;
  }

  /** As `execute` of `@berth/sdk/cni/execution`. A call that doesn't end in time ends the server, with the calls that it has besides. */
  async execute(input: ExecutionInput, { timeLimitMs, signal }: ExecutionLimits): Promise<Execution> {
    const startedAt = performance.timeOrigin + performance.now();
    const object = describeCall(input);
    let error: PluginError | undefined;
    const timer = setTimeout(() => {
      error ??= new PluginError('DEADLINE_EXCEEDED', `didn't end within ${timeLimitMs / 1000} s and was killed`, { object });
      this.kill();
    }, timeLimitMs);
    let abandoned: NodeJS.Timeout | undefined;
    const abort = (): void => {
      error ??= new PluginError('CANCELLED', 'the call was cancelled', { object, cause: signal?.reason });
      abandoned = setTimeout(() => this.kill(), abandonedLimitMs);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      if (signal?.aborted) abort();
      const answer = error ? undefined : await this.#ask({ plugin: input.plugin, env: input.env, stdin: input.stdin });
      const durationMs = performance.timeOrigin + performance.now() - startedAt;
      error ??= answer ? undefined : new PluginError('UNAVAILABLE', this.#whyEnded(), { object, hint: 'try again' });
      const ending = { exitCode: answer?.status ?? null, signal: null, stdout: answer?.stdout ?? '', stderr: '' };
      return { ...input, ...ending, startedAt, durationMs, ...(error && { error }) };
    } finally {
      clearTimeout(timer);
      clearTimeout(abandoned);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Lets it end when it has answered what it was asked. */
  close(): void {
    this.#process.stdin.end();
  }

  /** With all that it has started. */
  kill(): void {
    if (this.#ended || this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, 'SIGKILL');
    } catch {
      this.#process.kill('SIGKILL');
    }
  }

  /** Undefined where the server has ended without an answer. */
  async #ask(request: Omit<ServedRequest, 'id'>): Promise<ServedAnswer | undefined> {
    if (this.#ended) return undefined;
    const { promise, resolve } = Promise.withResolvers<ServedAnswer | undefined>();
    const id = this.#serial++;
    this.#waiting.set(id, resolve);
    this.#process.stdin.write(`${JSON.stringify({ id, ...request } satisfies ServedRequest)}\n`);
    return promise;
  }

  #take(answer: ServedAnswer): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }

  #end(): void {
    this.#ended = true;
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }

  #whyEnded(): string {
    const words = this.#lastWords.trim().replace(/\s+/g, ' ');
    return `its program ended before it answered${words && `: ${words}`}`;
  }
}
