import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Enough for a kernel's panic with its stack. */
const keptLines = 100;

/** The last lines of a stream. */
export class Tail {
  readonly #lines: string[] = [];

  /** Reads to the stream's end. */
  read(stream: Readable): void {
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => this.push(line));
  }

  push(line: string): void {
    const text = line.trim();
    if (text !== '') this.#lines.push(text);
    if (this.#lines.length > keptLines) this.#lines.shift();
  }

  /** Empty where there is none. */
  get last(): string {
    return this.#lines.at(-1) ?? '';
  }

  find(pattern: RegExp): string | undefined {
    return this.#lines.find((line) => pattern.test(line));
  }

  get lines(): readonly string[] {
    return this.#lines;
  }
}
