import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { Stream } from '@berth/sdk/guest';
import { makeFifo } from './libc.ts';
import { OutputStream } from './output-stream.ts';
import type { Port } from './port.ts';

/**
 * One output of a process: a named pipe, so that a program can open /dev/stdout anew, whose content is sent to the monitor
 * as far as that has room for it. A program whose output isn't taken waits in its write.
 */
export class OutputPipe {
  /** For the process; to be closed once that has it. */
  readonly writeEnd: number;
  readonly #readEnd: number;
  readonly #output: OutputStream;

  constructor(directory: string, process: string, stream: Stream, port: Port) {
    const path = join(directory, stream === Stream.STREAM_STDOUT ? 'stdout' : 'stderr');
    makeFifo(path);
    // To open one end alone would wait for the other.
    const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writeEnd = openSync(path, constants.O_WRONLY);
    closeSync(both);
    this.#output = new OutputStream(process, stream, port);
  }

  grant(bytes: number): void {
    this.#output.grant(bytes);
  }

  /** Resolves when no process has the pipe open any more, and everything has been sent. */
  async copy(): Promise<void> {
    try {
      for await (const chunk of Bun.file(this.#readEnd).stream()) await this.#output.send(Buffer.from(chunk));
    } finally {
      // Bun leaves a descriptor that it was given open.
      closeSync(this.#readEnd);
    }
  }

  closeWriteEnd(): void {
    closeSync(this.writeEnd);
  }
}
