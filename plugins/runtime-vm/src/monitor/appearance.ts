import { watch } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unlessAborted } from '@berth/sdk/abort';

/** Resolves when there is a file at `path`, whose folder is there. */
export async function appearance(path: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => void access(path).then(resolve, () => undefined);
  const watcher = watch(dirname(path), look);
  try {
    look();
    await unlessAborted(promise, signal);
  } finally {
    watcher.close();
  }
}
