import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { logFileName } from '../pod-directories.ts';

const chunkBytes = 64 * 1024;

/** The numbers of the instances of which a container has a log, oldest first: a restart writes to a file of its own. */
export async function logAttempts(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((): string[] => []);
  const logs = names.filter((name) => name === logFileName(Number.parseInt(name, 10)));
  return logs.map((name) => Number.parseInt(name, 10)).toSorted((a, b) => a - b);
}

/** The log of one instance of a container, which may not be there yet, and whose place another file takes when it is rotated. */
export class LogFile {
  readonly #path: string;
  #file: FileHandle | undefined;
  #position = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  /** To be read from its beginning, or the last `tailLines` lines. */
  static async open(directory: string, attempt: number, tailLines?: number): Promise<LogFile> {
    const log = new LogFile(join(directory, logFileName(attempt)));
    log.#file = await openExisting(log.#path);
    if (log.#file && tailLines !== undefined) log.#position = await tailOffset(log.#file, tailLines);
    return log;
  }

  /** What has been written since it was read last, in pieces; after a rotation, the rest of the old file and then the new one. */
  async *read(): AsyncGenerator<Buffer, void> {
    do {
      for (let piece = await this.#next(); piece.length > 0; piece = await this.#next()) yield piece;
    } while (await this.#reopen());
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #next(): Promise<Buffer> {
    if (!this.#file) return Buffer.alloc(0);
    const piece = await readPiece(this.#file, this.#position, chunkBytes);
    this.#position += piece.length;
    return piece;
  }

  /** Whether another file has taken the place of the open one. */
  async #reopen(): Promise<boolean> {
    const [present, known] = await Promise.all([stat(this.#path).catch(() => undefined), this.#file?.stat()]);
    if (!present || present.ino === known?.ino) return false;
    const fresh = await openExisting(this.#path);
    await this.#file?.close();
    [this.#file, this.#position] = [fresh, 0];
    return true;
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Where the last `lines` lines of a file begin. An unfinished line at the end counts. */
async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  let missing = lines;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunkBytes);
    const chunk = await readPiece(file, start, end - start);
    for (let at = chunk.lastIndexOf('\n'); at >= 0; at = at === 0 ? -1 : chunk.lastIndexOf('\n', at - 1)) {
      // The newline at the very end begins no line.
      if (start + at !== size - 1 && --missing === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** As much of the file from `position` as there is, up to `length` bytes. */
async function readPiece(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
