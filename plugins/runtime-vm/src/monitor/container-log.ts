import { type FileHandle, open } from 'node:fs/promises';
import { Stream } from '@berth/sdk/guest';

/** The longest text of one line; what is longer comes in parts (cri-api, log format). */
const maxLineBytes = 16_384;

const newline = 0x0a;

const names: Record<number, string> = { [Stream.STREAM_STDOUT]: 'stdout', [Stream.STREAM_STDERR]: 'stderr' };

/** A container's log in CRI's format: `TIME stdout F text`, with P instead of F for all parts of a line but the last one. */
export class ContainerLog {
  readonly #path: string;
  #file: FileHandle | undefined;
  readonly #clock: () => Date;
  readonly #unfinished = new Map<Stream, Buffer>();
  /** When all that was asked for before is done. */
  #done: Promise<unknown> = Promise.resolve();

  private constructor(path: string, file: FileHandle | undefined, clock: () => Date) {
    this.#path = path;
    this.#file = file;
    this.#clock = clock;
  }

  /** An empty path: what is written is dropped. */
  static async open(path: string, clock = () => new Date()): Promise<ContainerLog> {
    return new ContainerLog(path, path === '' ? undefined : await openLog(path), clock);
  }

  /** Resolves when the file has every line that `data` completes. */
  async write(stream: Stream, data: Uint8Array): Promise<void> {
    await this.#inOrder(async () => {
      if (!this.#file) return;
      const text = Buffer.concat([this.#unfinished.get(stream) ?? Buffer.alloc(0), data]);
      const { lines, rest } = splitLines(text);
      this.#unfinished.set(stream, Buffer.from(rest));
      await this.#append(stream, lines);
    });
  }

  /** Goes on in the file that is at the log's path, which is made if it was moved away. One that is closed stays so. */
  async reopen(): Promise<void> {
    await this.#inOrder(async () => {
      const old = this.#file;
      if (!old) return;
      this.#file = await openLog(this.#path);
      await old.close();
    });
  }

  /** Writes what has no newline at its end as lines of their own, and closes the file. */
  async close(): Promise<void> {
    await this.#inOrder(async () => {
      const file = this.#file;
      try {
        for (const [stream, text] of this.#unfinished) if (text.length > 0) await this.#append(stream, [{ tag: 'F', text }]);
      } finally {
        this.#unfinished.clear();
        this.#file = undefined;
        await file?.close();
      }
    });
  }

  async #inOrder(work: () => Promise<void>): Promise<void> {
    const result = this.#done.then(work);
    this.#done = result.catch(() => undefined);
    await result;
  }

  async #append(stream: Stream, lines: LogLine[]): Promise<void> {
    if (lines.length === 0) return;
    const time = this.#clock().toISOString().replace('Z', '000000Z');
    const parts = lines.flatMap(({ tag, text }) => [Buffer.from(`${time} ${names[stream]} ${tag} `), text, Buffer.of(newline)]);
    await this.#file?.appendFile(Buffer.concat(parts));
  }
}

function openLog(path: string): Promise<FileHandle> {
  return open(path, 'a', 0o640);
}

interface LogLine {
  tag: 'F' | 'P';
  text: Buffer;
}

/** `rest`: the start of a line whose end hasn't come yet. */
export function splitLines(text: Buffer): { lines: LogLine[]; rest: Buffer } {
  const lines: LogLine[] = [];
  let start = 0;
  for (;;) {
    const end = text.indexOf(newline, start);
    const limit = start + maxLineBytes;
    if (end >= 0 && end <= limit) {
      lines.push({ tag: 'F', text: text.subarray(start, end) });
      start = end + 1;
    } else if (text.length > limit) {
      lines.push({ tag: 'P', text: text.subarray(start, limit) });
      start = limit;
    } else return { lines, rest: text.subarray(start) };
  }
}
