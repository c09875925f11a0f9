import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Editors write a file in several steps: what comes close together is one change. */
const settleMs = 50;

/** Tells when files may have changed: at once, then by the file system's word, and every `rescanMs` in case that was missed. */
export class FileWatch {
  readonly #paths: string[];
  readonly #rescanMs: number;
  readonly #signal: AbortSignal;
  #bell = Promise.withResolvers<void>();

  constructor(paths: string[], rescanMs: number, signal: AbortSignal) {
    this.#paths = paths;
    this.#rescanMs = rescanMs;
    this.#signal = signal;
  }

  /** Something at each time to look, until the signal aborts. */
  async *changes(): AsyncGenerator<void, void> {
    const ring = () => this.#bell.resolve();
    const watchers = this.#paths.flatMap((path) => this.#watch(path));
    const rescan = setInterval(ring, this.#rescanMs);
    this.#signal.addEventListener('abort', ring);
    try {
      while (!this.#signal.aborted) {
        this.#bell = Promise.withResolvers<void>();
        yield;
        await this.#bell.promise;
      }
    } finally {
      this.#signal.removeEventListener('abort', ring);
      clearInterval(rescan);
      for (const watcher of watchers) watcher.close();
    }
  }

  /** A file is watched through its directory: editors and ConfigMap-like mounts replace it by renaming. */
  #watch(path: string): FSWatcher[] {
    const directory = isDirectory(path) ? path : dirname(path);
    const only = directory === path ? undefined : basename(path);
    const notice = (_event: string, name: string | null) => {
      if (only === undefined || name === null || name === only) setTimeout(() => this.#bell.resolve(), settleMs).unref();
    };
    try {
      // A directory that vanishes is noticed by the rescan.
      return [watch(directory, notice).on('error', () => {})];
    } catch {
      return [];
    }
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
