import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { RuntimeCommand } from './runtime-command.ts';

const firstBackOffMs = 200;
const maxBackOffMs = 30_000;
/** A run this long counts as a success: the next crash starts with the first back-off again. */
const steadyMs = 60_000;
/** A runtime that is told to end gives running calls 5 s, and those it then cancels 15 s to clean up. */
const stopGraceMs = 25_000;

/**
 * Keeps one runtime's process alive: starts it, starts it again with a growing back-off when it ends, and ends it on
 * `stop`. Containers aren't its business: they outlive the process by the Runtime contract.
 */
export class Supervisor {
  readonly command: RuntimeCommand;
  readonly #logFile: string;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #running: Promise<void> | undefined;
  /** How the process ended; undefined while there is one. */
  #ending: string | undefined;
  #lastLine = '';
  #hasAnswered = false;
  /** Its next end is the one that `crash` makes. */
  #isToCrash = false;

  constructor(command: RuntimeCommand, logDirectory: string, log: Logger) {
    this.command = command;
    this.#logFile = join(logDirectory, `${command.handler}.log`);
    this.#log = log.child({ handler: command.handler });
  }

  /** Starts the process; its output goes to LOGS/HANDLER.log. */
  start(): void {
    this.#running ??= this.#keepAlive();
  }

  /**
   * Waits until `probe` succeeds, which asks the runtime for its version. Throws what the process said if it ends
   * first, or if it doesn't answer in time.
   */
  async ready(probe: (signal: AbortSignal) => Promise<void>, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    let cause: unknown;
    while (Date.now() < deadline && !this.#stopping.signal.aborted) {
      if (this.#ending !== undefined) throw this.#startError(this.#ending);
      try {
        await probe(AbortSignal.timeout(Math.max(1, deadline - Date.now())));
        this.#hasAnswered = true;
        return;
      } catch (error) {
        cause = error;
        await sleep(20);
      }
    }
    if (this.#stopping.signal.aborted) throw this.#startError('was stopped before it answered');
    throw this.#startError(`didn't answer within ${timeoutMs / 1000} s`, cause);
  }

  /** Asks the process to end (SIGTERM, and the end of standard input), kills it after a grace period, and resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.stdin?.end();
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopGraceMs);
      await ended;
      clearTimeout(timer);
    }
    await this.#running;
  }

  /** Kills the process as a crash would, and resolves when it is gone. It is started again soon, as after a first crash. */
  async crash(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    this.#isToCrash = true;
    child.kill('SIGKILL');
    await ended;
  }

  #startError(what: string, cause?: unknown): PluginError {
    const said = this.#lastLine ? `: ${this.#lastLine}` : '';
    return new PluginError('UNAVAILABLE', `${what}${said}`, {
      object: `runtime ${this.command.handler}`,
      hint: `its log is ${this.#logFile}`,
      cause,
    });
  }

  async #keepAlive(): Promise<void> {
    let backOff = firstBackOffMs;
    while (!this.#stopping.signal.aborted) {
      const startedAt = Date.now();
      this.#ending = undefined;
      this.#ending = await this.#runOnce();
      if (this.#stopping.signal.aborted) return;
      const asked = this.#isToCrash;
      this.#isToCrash = false;
      if (asked || Date.now() - startedAt > steadyMs) backOff = firstBackOffMs;
      // One that never answered is told of by whoever waits in `ready`.
      const level = this.#hasAnswered ? 'error' : 'warn';
      this.#log[asked ? 'info' : level](
        { ending: this.#ending, said: this.#lastLine, backOffMs: backOff },
        'runtime ended, starting it again',
      );
      await sleep(backOff, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      backOff = Math.min(backOff * 2, maxBackOffMs);
    }
  }

  /** Gives how the process ended, or that there was none. */
  async #runOnce(): Promise<string> {
    try {
      const [code, signal] = (await once(this.#spawn(), 'exit')) as [number | null, string | null];
      return `ended with ${signal ?? `exit status ${code}`}`;
    } catch (error) {
      this.#lastLine = (error as Error).message;
      return "couldn't be started";
    }
  }

  #spawn(): ChildProcess {
    mkdirSync(dirname(this.#logFile), { recursive: true, mode: 0o700 });
    const output = createWriteStream(this.#logFile, { flags: 'a', mode: 0o600 });
    // A full disk costs lines of this log, not the node.
    output.on('error', (error) => this.#log.warn({ file: this.#logFile, cause: error.message }, "the runtime's log can't be written"));
    // Standard input is a pipe that only this process holds: a runtime sees its end when the node is gone.
    // In a process group of its own, a terminal's Ctrl-C doesn't reach it: the node needs it to take its pods away.
    const child = spawn(this.command.program, this.command.args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, BERTH_SUPERVISED: `${process.pid}` },
    });
    this.#child = child;
    this.#copyOutput(child, output);
    return child;
  }

  #copyOutput(child: ChildProcess, output: WriteStream): void {
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (!isNoise(line)) this.#lastLine = line;
        output.write(`${line}\n`);
      });
    }
    // Its last lines may come after its end.
    child.once('close', () => output.end());
  }
}

/** What Node prints around the message of an uncaught error. */
function isNoise(line: string): boolean {
  return line.trim() === '' || /^\s+at |^Node\.js v|^\s*[{}^]|^\s+\w+: /.test(line);
}
