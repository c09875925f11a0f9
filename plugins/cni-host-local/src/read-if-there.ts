import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';

const bytes = new Uint8Array(4096);
const utf8 = new TextDecoder();

/** A file as text; undefined where it isn't there. One of less than 4 KiB takes half the time of readFileSync, which matters with 60,000 files. */
export function readIfThere(file: string): string | undefined {
  let descriptor: number | undefined;
  try {
    // Whoever opens a pipe otherwise waits for a writer.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const length = readSync(descriptor, bytes, 0, bytes.length, 0);
    return length < bytes.length ? utf8.decode(bytes.subarray(0, length)) : readFileSync(file, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
