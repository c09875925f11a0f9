import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { rootOf } from '@berth/sdk/fixture-root';

/** The files of a host: /dev, /proc and /sys as they are, or as they lie below a directory (`--fixture`). */
export class HostRoot {
  readonly #root: string;
  /** Whether it is a directory in the host's place: then nothing of the host itself is looked at or executed. */
  readonly isFixture: boolean;

  /** `fixture` left out: the host itself. */
  constructor(fixture?: string) {
    this.isFixture = fixture !== undefined;
    this.#root = rootOf(fixture);
  }

  /** Where this process finds what the host has at an absolute path. */
  path(path: string): string {
    return join(this.#root, path);
  }

  /** A file's text; undefined where it can't be read. */
  read(path: string): string | undefined {
    return unlessThrown(() => readFileSync(this.path(path), 'utf8'));
  }

  /** Names in a directory, in order; none where it can't be read. */
  list(path: string): string[] {
    return unlessThrown(() => readdirSync(this.path(path)).toSorted()) ?? [];
  }

  exists(path: string): boolean {
    return unlessThrown(() => statSync(this.path(path))) !== undefined;
  }

  isCharacterDevice(path: string): boolean {
    return unlessThrown(() => statSync(this.path(path)).isCharacterDevice()) ?? false;
  }

  /** Where symbolic links lead, as the host calls it; undefined where they lead to nothing. */
  resolve(path: string): string | undefined {
    const found = unlessThrown(() => realpathSync(this.path(path)));
    return found === undefined ? undefined : join('/', relative(this.#root, found));
  }
}

function unlessThrown<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
