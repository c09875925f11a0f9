import { globSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { splitDeviceNumber } from '@berth/sdk/device-number';
import { rootOf } from '@berth/sdk/fixture-root';

/** The device files of a host, or those that lie likewise below a directory (`--fixture`). */
export class DeviceFiles {
  readonly #root: string;

  /** `fixture` left out: the host itself. */
  constructor(fixture?: string) {
    this.#root = rootOf(fixture);
  }

  /** The files that match one of the patterns (path.matchesGlob's), in order, without those that match `exclude`. */
  matching(patterns: readonly string[], exclude: readonly string[]): string[] {
    const options = { cwd: this.#root, exclude: exclude.map((pattern) => pattern.slice(1)) };
    const found = globSync(
      patterns.map((pattern) => pattern.slice(1)),
      options,
    );
    return [...new Set(found.map((path) => join('/', path)))].toSorted();
  }

  /** Whether it is a character or block device, or leads to one. */
  isDevice(path: string): boolean {
    const found = this.#stat(path);
    return found !== undefined && (found.isCharacterDevice() || found.isBlockDevice());
  }

  /** Where this process finds it, without symbolic links: runtimes follow none to a device. */
  hostPath(path: string): string {
    return realpathSync(join(this.#root, path));
  }

  /** The NUMA node of the hardware behind it; undefined where it is near to none, or the kernel doesn't tell. */
  numaNode(path: string): number | undefined {
    const found = this.#stat(path);
    if (found === undefined) return undefined;
    const { major, minor } = splitDeviceNumber(found.rdev);
    const kind = found.isBlockDevice() ? 'block' : 'char';
    const text = this.#read(`/sys/dev/${kind}/${major}:${minor}/device/numa_node`);
    return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
  }

  #stat(path: string): Stats | undefined {
    try {
      return statSync(join(this.#root, path));
    } catch {
      // Gone meanwhile, or a link to nothing: no device.
      return undefined;
    }
  }

  #read(path: string): string {
    try {
      return readFileSync(join(this.#root, path), 'utf8').trim();
    } catch {
      return '';
    }
  }
}
