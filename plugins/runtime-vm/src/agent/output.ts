import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { Stream } from '@berth/sdk/guest';
import { SendWindow } from '../guest/window.ts';
import { makeFifo } from './libc.ts';
import type { Port } from './port.ts';

/** The largest piece of output in one frame. */
const pieceBytes = 16_384;

/**
 * One output of a process: a named pipe, so that a program can open /dev/stdout anew, whose content is sent to the monitor
 * as far as that has room for it. A program whose output isn't taken waits in its write.
 */
export class OutputPipe {
  /** For the process; to be closed once that has it. */
  readonly writeEnd: number;
  readonly #readEnd: number;
  readonly #window = new SendWindow();
  readonly #process: string;
  readonly #stream: Stream;

  constructor(directory: string, process: string, stream: Stream) {
    const path = join(directory, stream === Stream.STREAM_STDOUT ? 'stdout' : 'stderr');
    makeFifo(path);
    // To open one end alone would wait for the other.
    const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writeEnd = openSync(path, constants.O_WRONLY);
    closeSync(both);
    this.#process = process;
    this.#stream = stream;
  }

  grant(bytes: number): void {
    this.#window.grant(bytes);
  }

  /** Resolves when no process has the pipe open any more, and everything has been sent. */
  async copyTo(port: Port): Promise<void> {
    for await (const chunk of Bun.file(this.#readEnd).stream()) {
      for (let rest = Buffer.from(chunk); rest.length > 0; ) {
        const size = await this.#window.take(Math.min(rest.length, pieceBytes));
        await port.send({ $case: 'output', value: { process: this.#process, stream: this.#stream, data: rest.subarray(0, size) } });
        rest = rest.subarray(size);
      }
    }
  }

  closeWriteEnd(): void {
    closeSync(this.writeEnd);
  }
}
