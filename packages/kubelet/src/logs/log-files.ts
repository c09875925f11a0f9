import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The numbers of the instances of which a container has a log, oldest first: a restart writes to a file of its own. */
export async function logAttempts(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch(() => []);
  return names
    .flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

export function logFile(directory: string, attempt: number): string {
  return join(directory, `${attempt}.log`);
}

/** Opens a log; undefined if it isn't there. */
export async function openLog(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

const chunkBytes = 64 * 1024;

/** Where the last `lines` lines of a file begin. An unfinished line at the end counts. */
export async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  let missing = lines;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunkBytes);
    const chunk = await readFully(file, start, end - start);
    for (let at = chunk.lastIndexOf('\n'); at >= 0; at = at === 0 ? -1 : chunk.lastIndexOf('\n', at - 1)) {
      // The newline at the very end begins no line.
      if (start + at !== size - 1 && --missing === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** As much of the file from `position` as there is, up to `length` bytes. */
export async function readFully(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
