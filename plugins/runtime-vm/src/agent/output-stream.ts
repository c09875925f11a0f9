import type { GuestFrame, Stream } from '@berth/sdk/guest';
import { SendWindow } from '../guest/window.ts';

/** The largest piece of output in one frame. */
const pieceBytes = 16_384;

/** The port to the monitor, as far as who sends needs it. */
export interface FrameSender {
  send(body: GuestFrame['body']): Promise<void>;
}

/** One output on its way to the monitor, as far as that has room for it. */
export class OutputStream {
  readonly #window = new SendWindow();
  readonly #process: string;
  readonly #stream: Stream;
  readonly #port: FrameSender;

  constructor(process: string, stream: Stream, port: FrameSender) {
    this.#process = process;
    this.#stream = stream;
    this.#port = port;
  }

  grant(bytes: number): void {
    this.#window.grant(bytes);
  }

  /** Resolves when all of it is sent, or dropped by `close`. One caller at a time. */
  async send(chunk: Buffer): Promise<void> {
    for (let rest = chunk; rest.length > 0; ) {
      const size = await this.#window.take(Math.min(rest.length, pieceBytes));
      if (size === 0) return;
      await this.#port.send({ $case: 'output', value: { process: this.#process, stream: this.#stream, data: rest.subarray(0, size) } });
      rest = rest.subarray(size);
    }
  }

  /** What hasn't been sent is dropped. */
  close(): void {
    this.#window.close();
  }
}
