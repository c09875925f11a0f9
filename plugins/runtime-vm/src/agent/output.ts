import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { Stream } from '@berth/sdk/guest';
import { makeFifo } from './libc.ts';
import { OutputStream } from './output-stream.ts';
import type { Port } from './port.ts';

/** Standard output and standard error of a process on their way to the monitor. */
export class Outputs {
  readonly #stdout: OutputPipe;
  readonly #stderr: OutputPipe;

  /** The pipes are made in `directory`. */
  constructor(directory: string, process: string, port: Port) {
    this.#stdout = new OutputPipe(join(directory, 'stdout'), new OutputStream(process, Stream.STREAM_STDOUT, port));
    try {
      this.#stderr = new OutputPipe(join(directory, 'stderr'), new OutputStream(process, Stream.STREAM_STDERR, port));
    } catch (error) {
      this.#stdout.close();
      throw error;
    }
  }

  /** Descriptors for the process: standard output, standard error. */
  get writeEnds(): [number, number] {
    return [this.#stdout.writeEnd, this.#stderr.writeEnd];
  }

  grant(stream: Stream, bytes: number): void {
    (stream === Stream.STREAM_STDOUT ? this.#stdout : this.#stderr).grant(bytes);
  }

  /** Once the process has its ends. Resolves when no process has them any more and everything has been sent, or at `close`. */
  async send(): Promise<void> {
    await Promise.all([this.#stdout.send(), this.#stderr.send()]);
  }

  /** What hasn't been sent is dropped. */
  close(): void {
    this.#stdout.close();
    this.#stderr.close();
  }
}

/**
 * One output of a process: a named pipe, so that a program can open /dev/stdout anew, whose content is sent to the monitor
 * as far as that has room for it. A program whose output isn't taken waits in its write.
 */
class OutputPipe {
  readonly writeEnd: number;
  readonly #readEnd: number;
  readonly #output: OutputStream;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #isClosed = false;

  constructor(path: string, output: OutputStream) {
    makeFifo(path);
    // To open one end alone would wait for the other.
    const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writeEnd = openSync(path, constants.O_WRONLY);
    closeSync(both);
    this.#output = output;
  }

  grant(bytes: number): void {
    this.#output.grant(bytes);
  }

  async send(): Promise<void> {
    closeSync(this.writeEnd);
    const reader = Bun.file(this.#readEnd).stream().getReader();
    this.#reader = reader;
    try {
      for (let next = await reader.read(); !next.done && !this.#isClosed; next = await reader.read()) {
        await this.#output.send(Buffer.from(next.value));
      }
    } finally {
      // Bun leaves a descriptor that it was given open.
      closeSync(this.#readEnd);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#output.close();
    if (this.#reader) void this.#reader.cancel();
    else for (const descriptor of [this.writeEnd, this.#readEnd]) closeSync(descriptor);
  }
}
