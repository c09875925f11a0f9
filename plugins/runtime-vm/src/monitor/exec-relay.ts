import { onAbort } from '@berth/sdk/abort';
import { type Exited, Stream } from '@berth/sdk/guest';
import type { ExecEvent } from '@berth/sdk/machine-monitor';
import type { ProcessSink } from './guest-connection.ts';

type Event = NonNullable<ExecEvent['event']>;

/** One exec on its way to who asked for it: what the guest sends is taken when that is ready for more. */
export class ExecRelay implements ProcessSink {
  readonly #unread: { event: Event; taken: () => void }[] = [];
  #wake: (() => void) | undefined;
  #isLeft = false;

  async output(stream: Stream, data: Uint8Array): Promise<void> {
    await this.#push({ $case: stream === Stream.STREAM_STDOUT ? 'stdout' : 'stderr', value: Buffer.from(data) });
  }

  async exited({ exitCode }: Exited): Promise<void> {
    await this.#push({ $case: 'exitCode', value: exitCode });
  }

  /** Everything up to the exit code; ends with it, or with the first of `signals`, whose reason it throws. */
  async *events(signals: AbortSignal[]): AsyncGenerator<Event> {
    const release = onAbort(signals, () => this.#wake?.());
    try {
      for (;;) {
        for (const signal of signals) signal.throwIfAborted();
        const next = this.#unread.shift();
        if (next) {
          try {
            yield next.event;
          } finally {
            next.taken();
          }
          if (next.event.$case === 'exitCode') return;
        } else await this.#next();
      }
    } finally {
      release();
      this.#isLeft = true;
      for (const { taken } of this.#unread.splice(0)) taken();
    }
  }

  async #push(event: Event): Promise<void> {
    if (this.#isLeft) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#unread.push({ event, taken: resolve });
    this.#wake?.();
    await promise;
  }

  async #next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}
