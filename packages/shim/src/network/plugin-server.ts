import { describeCall, type Execution, type ExecutionInput, type ExecutionLimits } from '@berth/sdk/cni/execution';
import { type ServedAnswer, type ServedRequest, serveArgument } from '@berth/sdk/cni/serve';
import { parseObject } from '@berth/sdk/cni/types';
import { PluginError } from '@berth/sdk/errors';
import { type SpawnedProcess, spawn } from '../process/spawn.ts';

/** Longest that a call which nobody waits for any more may go on: what takes it back must not run beside it. */
const abandonedLimitMs = 2000;
const longestAnswer = 16 * 1024 * 1024;

interface Call {
  /** Undefined where the server has ended without an answer. */
  resolve(answer: ServedAnswer | undefined): void;
  /** It was cancelled, and has had its time. */
  overdue: boolean;
}

/** A process of a program that serves its plugins (`@berth/sdk/cni/serve`). It ends with this one, since its standard input does. */
export class PluginServer {
  readonly #process: SpawnedProcess;
  readonly #calls = new Map<number, Call>();
  #serial = 0;
  #accepts = true;
  #partial = '';
  /** What is known of why it ended. */
  #why = '';

  constructor(file: string) {
    this.#process = spawn(file, [serveArgument], { detached: true });
    const { stdin, stdout, stderr } = this.#process;
    // What can't be written to has ended, which is told by that.
    stdin.on('error', () => undefined);
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#why = `${this.#why}${text}`.slice(-200);
    });
    stdout.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.#process.once('error', (error) => this.#end(error.message)).once('close', () => this.#end());
  }

  /** Whether it takes calls: it hasn't ended, and isn't about to. */
  get accepts(): boolean {
    return this.#accepts;
  }

  get idle(): boolean {
    return this.#calls.size === 0;
  }

  /**
   * As `execute` of `@berth/sdk/cni/execution`. One that is cancelled is waited for. One that takes too long ends no others: the server gets
   * no more of them, and is killed once it has none but such.
   */
  async execute(input: ExecutionInput, { timeLimitMs, signal }: ExecutionLimits): Promise<Execution> {
    const startedAt = performance.timeOrigin + performance.now();
    const object = describeCall(input);
    let error: PluginError | undefined;
    const id = this.#serial++;
    const timer = setTimeout(() => {
      error ??= new PluginError('DEADLINE_EXCEEDED', `didn't end within ${timeLimitMs / 1000} s and was killed`, { object });
      this.#abandon(id);
    }, timeLimitMs);
    let abandoned: NodeJS.Timeout | undefined;
    const abort = (): void => {
      error ??= new PluginError('CANCELLED', 'the call was cancelled', { object, cause: signal?.reason });
      abandoned = setTimeout(() => this.#abandon(id), abandonedLimitMs);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      if (signal?.aborted) abort();
      const answer = error ? undefined : await this.#ask({ id, plugin: input.plugin, env: input.env, stdin: input.stdin });
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
    this.#accepts = false;
    this.#process.stdin.end();
  }

  /** With all that it has started. */
  kill(): void {
    this.#accepts = false;
    const { pid, exitCode, signalCode } = this.#process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      this.#process.kill('SIGKILL');
    }
    // A process that left the group may hold the pipes open for ever.
    this.#process.stdout.destroy();
    this.#process.stderr.destroy();
  }

  async #ask(request: ServedRequest): Promise<ServedAnswer | undefined> {
    if (!this.#accepts) return undefined;
    const { promise, resolve } = Promise.withResolvers<ServedAnswer | undefined>();
    this.#calls.set(request.id, { resolve, overdue: false });
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    return promise;
  }

  #abandon(id: number): void {
    const call = this.#calls.get(id);
    if (!call) return;
    call.overdue = true;
    this.close();
    this.#killIfAllOverdue();
  }

  #killIfAllOverdue(): void {
    if (this.#calls.size > 0 && [...this.#calls.values()].every(({ overdue }) => overdue)) this.kill();
  }

  #read(text: string): void {
    const lines = `${this.#partial}${text}`.split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#take(line);
    if (this.#partial.length > longestAnswer) this.#refuse(this.#partial);
  }

  #take(line: string): void {
    const answer = answerOf(line);
    if (!answer) {
      this.#refuse(line);
      return;
    }
    this.#calls.get(answer.id)?.resolve(answer);
    this.#calls.delete(answer.id);
    this.#killIfAllOverdue();
  }

  #refuse(line: string): void {
    this.#why = `it printed what is no answer: ${line.slice(0, 200)}`;
    this.kill();
  }

  #end(why = this.#why): void {
    this.#accepts = false;
    this.#why = why;
    for (const { resolve } of this.#calls.values()) resolve(undefined);
    this.#calls.clear();
  }

  #whyEnded(): string {
    const why = this.#why.trim().replace(/\s+/g, ' ');
    return `its program ended before it answered${why && `: ${why}`}`;
  }
}

function answerOf(line: string): ServedAnswer | undefined {
  const { id, stdout, status } = parseObject(line) ?? {};
  if (typeof id !== 'number' || typeof stdout !== 'string' || typeof status !== 'number') return undefined;
  return stdout.length > longestAnswer ? undefined : { id, stdout, status };
}
