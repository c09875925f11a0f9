import { closeSync, openSync } from 'node:fs';
import { syscalls } from '../syscalls.ts';

const bytesBetweenSyncs = 32 * 1024 * 1024;

/**
 * Sends what is written to the disk while writing goes on. A layer counts when all of it is on the disk: left to the end, the disk would
 * rest while the layer is unpacked, and the layer while the disk writes.
 */
export class Writeback {
  readonly #descriptor: number;
  #pending = 0;
  #running: Promise<void> | undefined;
  #error: unknown;

  /** For the file system of this directory. */
  constructor(directory: string) {
    this.#descriptor = openSync(directory, 'r');
  }

  written(bytes: number): void {
    this.#pending += bytes;
    if (this.#pending < bytesBetweenSyncs || this.#running) return;
    this.#pending = 0;
    this.#running = syscalls()
      .syncFilesystem(this.#descriptor)
      .catch((error: unknown) => {
        this.#error ??= error;
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** To be called where writing has come to its end, whatever has happened; throws what the disk said. */
  async end(): Promise<void> {
    await this.#running;
    closeSync(this.#descriptor);
    if (this.#error) throw this.#error;
  }
}
