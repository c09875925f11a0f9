import { constants } from 'node:os';
import { onAbort } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';

const signals = ['SIGINT', 'SIGTERM'] as const;

/** Ctrl-C (SIGINT) and SIGTERM for a command that has something to end or to take back: they tell it, and don't end its process. */
export class Interruption {
  readonly #interrupted = new AbortController();
  readonly #hurried = new AbortController();
  #ending = false;
  #exitStatus = 0;
  readonly #take = (signal: NodeJS.Signals): void => {
    if (this.#ending && signal === 'SIGINT') this.#hurried.abort();
    else this.#interrupt(signal);
  };

  /** Takes the signals until `release`. */
  constructor() {
    for (const signal of signals) process.on(signal, this.#take);
  }

  /** Aborted once the command is to end. */
  get signal(): AbortSignal {
    return this.#interrupted.signal;
  }

  /** Resolves once the command is to end. */
  get interrupted(): Promise<void> {
    return new Promise((resolve) => void onAbort([this.signal], () => resolve()));
  }

  /** What shells tell of a process that the signal which came has ended: 128 and its number. 0 where none has come. */
  get exitStatus(): number {
    return this.#exitStatus;
  }

  /** Whether `error` is only that what was going on was interrupted. */
  caused(error: unknown): boolean {
    const { aborted, reason } = this.signal;
    return aborted && (error === reason || PluginError.from(error).code === 'CANCELLED');
  }

  /** The command is at its end from here on. The signal is aborted by the next Ctrl-C: it need not end gracefully any more. */
  ending(): AbortSignal {
    this.#ending = true;
    return this.#hurried.signal;
  }

  release(): void {
    for (const signal of signals) process.off(signal, this.#take);
  }

  #interrupt(signal: NodeJS.Signals): void {
    this.#exitStatus ||= 128 + constants.signals[signal];
    this.#interrupted.abort();
  }
}
