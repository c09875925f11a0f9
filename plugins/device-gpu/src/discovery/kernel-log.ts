import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** No poll(2) in Node for it, and a read that waits would hold one of the few threads that files are read by. */
const betweenLooksMs = 200;
/** Before a log that can't be opened is tried again. */
const reopenMs = 5000;
/** A record of /dev/kmsg has to be read as a whole; the kernel's longest has 8 KiB. */
const bufferBytes = 16 * 1024;
/** Of a line that doesn't end. */
const longestLine = 64 * 1024;

/**
 * The lines that come to the kernel log from now on (kernel: Documentation/ABI/testing/dev-kmsg), until `signal` aborts. A plain file or a FIFO in its
 * place is read likewise. A log that can't be read is told once, and tried again.
 */
export async function* followKernelLog(path: string, signal: AbortSignal, log: (message: string) => void): AsyncGenerator<string, void> {
  let told = false;
  while (!signal.aborted) {
    try {
      yield* linesOf(path, signal);
    } catch (thrown) {
      if (!told) log(`${path} can't be read: ${(thrown as Error).message}; errors of GPUs that are told there stay unknown until it can`);
      told = true;
      await pause(reopenMs, signal);
    }
  }
}

async function* linesOf(path: string, signal: AbortSignal): AsyncGenerator<string, void> {
  // For a FIFO that nobody has opened for writing, too, this doesn't wait.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const records = await Records.atEnd(file);
    let rest = '';
    while (!signal.aborted) {
      const text = await records.next();
      if (text === '') await pause(betweenLooksMs, signal);
      const lines = (rest + text).split('\n');
      rest = (lines.pop() ?? '').slice(0, longestLine);
      yield* lines;
    }
  } finally {
    await file.close();
  }
}

/** Reads what is there, without waiting for more. */
class Records {
  readonly #file: FileHandle;
  readonly #buffer = Buffer.alloc(bufferBytes);
  /** Of a plain file; all else has no positions. */
  #position: number | null;

  constructor(file: FileHandle, position: number | null) {
    this.#file = file;
    this.#position = position;
  }

  static async atEnd(file: FileHandle): Promise<Records> {
    const found = await file.stat();
    const records = new Records(file, found.isFile() ? found.size : null);
    if (!found.isFile()) while ((await records.next()) !== '');
    return records;
  }

  /** '' where there is no more at present. */
  async next(): Promise<string> {
    try {
      const { bytesRead } = await this.#file.read(this.#buffer, 0, bufferBytes, this.#position);
      if (this.#position !== null) this.#position += bytesRead;
      return this.#buffer.toString('utf8', 0, bytesRead);
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return '';
      // The kernel has overwritten what wasn't read in time; the next read gives the oldest that is left.
      if (code === 'EPIPE') return '\n';
      throw thrown;
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
