import { watch } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** Before a directory that is gone is looked for again. */
const pauseAfterEndMs = 1_000;

/**
 * Calls `onChange` at each change of a file, its making and its removal too, when each watch of its directory begins, and each second while there can be
 * none, until `signal` aborts.
 */
export async function watchFile(path: string, signal: AbortSignal, onChange: () => void): Promise<void> {
  while (!signal.aborted) {
    // It can't be watched at present.
    await watchDirectory(path, signal, onChange).catch(() => undefined);
    await wait(pauseAfterEndMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Ends when the directory is removed or moved, or its attributes change. */
async function watchDirectory(path: string, signal: AbortSignal, onChange: () => void): Promise<void> {
  const directory = dirname(path);
  const changes = watch(directory, { signal });
  onChange();
  for await (const { filename } of changes) {
    const gone = filename === basename(directory);
    if (filename === basename(path) || gone) onChange();
    if (gone) return;
  }
}
