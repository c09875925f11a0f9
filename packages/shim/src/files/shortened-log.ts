import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Leaves of a file of lines its first `headBytes` and its last `tailBytes`, whole lines only. Replaces it at once: a reader
 * sees the old or the new one, also after a crash.
 */
export function shortenLog(path: string, headBytes: number, tailBytes: number): void {
  const content = readFileSync(path);
  const partial = `${path}.${randomUUID()}.tmp`;
  try {
    const beginning = content.subarray(0, headBytes);
    const head = beginning.subarray(0, beginning.lastIndexOf('\n') + 1);
    const rest = content.subarray(head.length);
    // One byte more: a line that begins right there is whole.
    const end = rest.subarray(-tailBytes - 1);
    const tail = end.length === rest.length ? rest : end.subarray(end.indexOf('\n') + 1);
    writeFileSync(partial, Buffer.concat([head, tail]), { mode: 0o600 });
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}
