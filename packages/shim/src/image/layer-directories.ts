import { PluginError } from '@berth/sdk/errors';

/** Of memory, about: half a million directories. Real layers have some ten thousand. */
const mostBytes = 64 * 1024 * 1024;
const bytesOfOne = 100;

/** The directories that a layer has so far, by their paths, with the times to be set when nothing changes in them any more; '' is its root. */
export class LayerDirectories {
  readonly #times = new Map<string, number | undefined>([['', undefined]]);
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(most = mostBytes) {
    this.#mostBytes = most;
  }

  has(path: string): boolean {
    return this.#times.has(path);
  }

  /** Throws RESOURCE_EXHAUSTED for more than memory should hold. */
  add(path: string): void {
    this.#bytes += bytesOf(path);
    if (this.#bytes > this.#mostBytes) {
      throw new PluginError('RESOURCE_EXHAUSTED', `it has more than ${this.#times.size} directories, and all are kept in memory`, {
        hint: 'build the image with fewer directories in one layer',
      });
    }
    this.#times.set(path, undefined);
  }

  /** In seconds since 1970. */
  setTime(path: string, modified: number): void {
    this.#times.set(path, modified);
  }

  /** Takes a directory away with all that are below it. */
  remove(path: string): void {
    if (!this.#times.has(path)) return;
    for (const directory of [...this.#times.keys()]) {
      if (directory !== path && !directory.startsWith(`${path}/`)) continue;
      this.#times.delete(directory);
      this.#bytes -= bytesOf(directory);
    }
  }

  /** Those whose time is known. */
  *times(): Generator<[path: string, modified: number]> {
    for (const [path, modified] of this.#times) if (modified !== undefined) yield [path, modified];
  }
}

function bytesOf(path: string): number {
  return path.length + bytesOfOne;
}
