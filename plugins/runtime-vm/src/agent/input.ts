import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeFifo } from './libc.ts';

/** How long a full pipe is left before it is tried again: Bun hands on no event for room in it. */
const fullPipeMs = 5;

/** The input of a process: a named pipe that the monitor's writes go to. */
export class InputPipe {
  /** For the process. */
  readonly readEnd: number;
  readonly #writeEnd: number;
  #isHandedOn = false;
  #isOpen = true;

  constructor(directory: string) {
    const path = join(directory, 'stdin');
    makeFifo(path);
    // To open one end alone would wait for the other. The flag is the description's: the process's end is without it.
    const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.readEnd = openSync(path, constants.O_RDONLY);
    this.#writeEnd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    closeSync(both);
  }

  /** The process has its end: the pipe is broken when no process has that any more. */
  handedOn(): void {
    if (!this.#isHandedOn) closeSync(this.readEnd);
    this.#isHandedOn = true;
  }

  /** Resolves when it is in the pipe, or nobody is to read it any more. */
  async write(data: Uint8Array): Promise<void> {
    for (let sent = 0; sent < data.length && this.#isOpen; ) {
      try {
        sent += writeSync(this.#writeEnd, data, sent);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EPIPE') return this.end();
        if (code !== 'EAGAIN') throw error;
        await delay(fullPipeMs);
      }
    }
  }

  /** The process sees the end of its input once it has read what was written. */
  end(): void {
    if (this.#isOpen) closeSync(this.#writeEnd);
    this.#isOpen = false;
  }

  close(): void {
    this.handedOn();
    this.end();
  }
}
