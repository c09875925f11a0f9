import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { PluginError } from '@berth/sdk/errors';

/**
 * A small file that says the same after a crash at any moment: the old content or the new one. Written within the sync loop, since what
 * was given to a pod has to be on disk before the pod uses it; 0.4 ms on a usual disk.
 */
export class CheckpointFile {
  readonly path: string;
  readonly #outlivesHost: boolean;

  /** `outlivesHost`: also after a crash of the whole host; else after one of the kubelet alone, which costs a tenth. */
  constructor(path: string, { outlivesHost = true } = {}) {
    this.path = path;
    this.#outlivesHost = outlivesHost;
  }

  /** Undefined if the file isn't there. */
  read(): string | undefined {
    try {
      return readFileSync(this.path, 'utf8');
    } catch (thrown) {
      const error = PluginError.from(thrown, 'INTERNAL', { object: this.path });
      if (error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  write(text: string): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o750 });
    const draft = `${this.path}.tmp`;
    const file = openSync(draft, 'w', 0o600);
    try {
      writeSync(file, text);
      if (this.#outlivesHost) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, this.path);
    if (this.#outlivesHost) syncDirectory(dirname(this.path));
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
