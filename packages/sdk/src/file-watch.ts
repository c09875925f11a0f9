import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Bell } from './bell.ts';

interface FileWatchOptions {
  /** Files and directories; they need not be there. */
  paths: string[];
  /** How often to look in any case: where the file system can't be watched, and in case it missed something. */
  rescanMs: number;
  /** What comes this close together is one change. */
  settleMs: number;
}

/** Tells when files may have changed: at once, then by the file system's word, and every `rescanMs`. */
export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #bell = new Bell();

  constructor(options: FileWatchOptions) {
    this.#options = options;
  }

  /** Something at each time to look, until `signal` aborts. */
  async *changes(signal: AbortSignal): AsyncGenerator<void, void> {
    const watchers = this.#options.paths.flatMap((path) => this.#watch(path));
    const rescan = setInterval(() => this.#bell.ring(), this.#options.rescanMs);
    try {
      while (!signal.aborted) {
        yield;
        await this.#bell.wait(signal);
      }
    } finally {
      clearInterval(rescan);
      for (const watcher of watchers) watcher.close();
    }
  }

  /** A file is watched through its directory: editors and ConfigMap-like mounts replace it by renaming. */
  #watch(path: string): FSWatcher[] {
    const directory = isDirectory(path) ? path : dirname(path);
    const only = directory === path ? undefined : basename(path);
    const notice = (_event: string, name: string | null) => {
      if (only === undefined || name === null || name === only) setTimeout(() => this.#bell.ring(), this.#options.settleMs).unref();
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
