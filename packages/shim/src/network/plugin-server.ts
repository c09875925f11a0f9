import { describeCall, type Execution, type ExecutionInput, type ExecutionLimits, notRun } from '@berth/sdk/cni/execution';
import { type ServedAnswer, type ServedRequest, type ServedStderr, serveArgument } from '@berth/sdk/cni/serve';
import { parseObject } from '@berth/sdk/cni/types';
import { PluginError } from '@berth/sdk/errors';
import { type SpawnedProcess, spawn } from '../process/spawn.ts';

/** Longest that a call which nobody waits for any more may go on: what takes it back must not run beside it. */
const abandonedLimitMs = 2000;
const longestAnswer = 16 * 1024 * 1024;
/** Characters that are kept of what a server prints on its own standard error. */
const lastWordsLength = 4096;
/** Characters of what a server has printed that a message quotes. */
const excerptLength = 200;
/** The rest of what a call prints on standard error is dropped. */
const longestStderr = 1024 * 1024;

interface Call {
  /** Undefined where the server has ended without an answer. */
  resolve(answer: ServedAnswer | undefined): void;
  /** What it has printed so far. */
  stderr: string;
  /** It was cancelled, and has had its time. */
  overdue: boolean;
}

/** An answer, if there is one, and what was printed on standard error; where its program has died, that one's last words, too. */
interface Answered {
  answer?: ServedAnswer | undefined;
  stderr: string;
}

interface ServedExecution {
  execution: Execution;
  /** Of a call that was given up: settles once it has ended. */
  goesOn?: Promise<unknown>;
}

/** A process of a program that serves its plugins (`@berth/sdk/cni/serve`). It ends with this one, since its standard input does. */
export class PluginServer {
  readonly #process: SpawnedProcess;
  readonly #calls = new Map<number, Call>();
  #serial = 0;
  #accepts = true;
  #refused = false;
  #partial = '';
  /** What is known of why it ended. */
  #why = '';

  constructor(file: string) {
    this.#process = spawn(file, [serveArgument], { detached: true });
    const { stdin, stdout, stderr } = this.#process;
    // What can't be written to has ended, which is told by that.
    stdin.on('error', () => undefined);
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#why = `${this.#why}${text}`.slice(-lastWordsLength);
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
   * no more of them, and is killed once it has none but such; until then `goesOn`. GC is waited for to its end, since it must not run beside what
   * its caller does next.
   */
  async execute(input: ExecutionInput, { timeLimitMs, passedMs = 0, signal }: ExecutionLimits): Promise<ServedExecution> {
    const startedAt = performance.timeOrigin + performance.now();
    const object = describeCall(input);
    if (signal?.aborted) return { execution: notRun(input, startedAt, cancelled(object, signal)) };
    let error: PluginError | undefined;
    const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<undefined>();
    const { id, asked } = this.#ask(input);
    const abandon = (): boolean => {
      const killed = this.#abandon(id);
      if (!killed && input.verb !== 'GC') giveUp(undefined);
      return killed;
    };
    const timer = setTimeout(
      () => {
        const became = abandon() ? 'killed' : 'given up';
        error ??= new PluginError('DEADLINE_EXCEEDED', `didn't end within ${timeLimitMs / 1000} s and was ${became}`, { object });
      },
      Math.max(0, timeLimitMs - passedMs),
    );
    let abandoned: NodeJS.Timeout | undefined;
    const abort = (): void => {
      error ??= cancelled(object, signal);
      abandoned = setTimeout(abandon, abandonedLimitMs);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const answered = await Promise.race([asked, givenUp]);
      const { answer, stderr } = answered ?? { stderr: this.#calls.get(id)?.stderr ?? '' };
      const durationMs = performance.timeOrigin + performance.now() - startedAt;
      error ??= answer ? undefined : new PluginError('UNAVAILABLE', this.#whyEnded(), { object, hint: 'try again' });
      const ending = { exitCode: answer?.status ?? null, signal: null, stdout: answer?.stdout ?? '', stderr };
      const execution = { ...input, ...ending, startedAt, durationMs, ...(error && { error }) };
      return { execution, ...(!answered && { goesOn: asked }) };
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

  #ask({ plugin, env, stdin }: ExecutionInput): { id: number; asked: Promise<Answered> } {
    const id = this.#serial++;
    if (!this.#accepts) return { id, asked: Promise.resolve({ stderr: '' }) };
    const { promise, resolve } = Promise.withResolvers<ServedAnswer | undefined>();
    const call: Call = { resolve, stderr: '', overdue: false };
    this.#calls.set(id, call);
    this.#process.stdin.write(`${JSON.stringify({ id, plugin, env, stdin } satisfies ServedRequest)}\n`);
    const asked = promise.then((answer) => ({ answer, stderr: answer ? call.stderr : `${call.stderr}${this.#why}` }));
    return { id, asked };
  }

  /** Whether that has ended it. */
  #abandon(id: number): boolean {
    const call = this.#calls.get(id);
    if (!call) return true;
    call.overdue = true;
    this.close();
    return this.#killIfAllOverdue();
  }

  #killIfAllOverdue(): boolean {
    const all = this.#calls.size > 0 && [...this.#calls.values()].every(({ overdue }) => overdue);
    if (all) this.kill();
    return all;
  }

  #read(text: string): void {
    const lines = `${this.#partial}${text}`.split('\n');
    this.#partial = lines.pop() ?? '';
    // What follows on something that is no answer isn't believed either.
    for (const line of lines) if (!this.#refused) this.#take(line);
    if (this.#partial.length > longestAnswer) this.#refuse(this.#partial);
  }

  #take(line: string): void {
    const printed = stderrOf(line);
    if (printed) {
      const call = this.#calls.get(printed.id);
      if (call && call.stderr.length < longestStderr) call.stderr += printed.stderr;
      return;
    }
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
    this.#refused = true;
    this.#why = `it printed what is no answer: ${line.slice(0, excerptLength)}`;
    this.kill();
  }

  #end(why = this.#why): void {
    this.#accepts = false;
    this.#why = why;
    for (const { resolve } of this.#calls.values()) resolve(undefined);
    this.#calls.clear();
  }

  #whyEnded(): string {
    const why = this.#why.slice(-excerptLength).trim().replace(/\s+/g, ' ');
    return `its program ended before it answered${why && `: ${why}`}`;
  }
}

function cancelled(object: string, signal: AbortSignal | undefined): PluginError {
  return new PluginError('CANCELLED', 'the call was cancelled', { object, cause: signal?.reason });
}

function stderrOf(line: string): ServedStderr | undefined {
  const { id, stderr, status } = parseObject(line) ?? {};
  return typeof id === 'number' && typeof stderr === 'string' && status === undefined ? { id, stderr } : undefined;
}

function answerOf(line: string): ServedAnswer | undefined {
  const { id, stdout, status } = parseObject(line) ?? {};
  if (typeof id !== 'number' || typeof stdout !== 'string' || typeof status !== 'number') return undefined;
  return stdout.length > longestAnswer ? undefined : { id, stdout, status };
}
