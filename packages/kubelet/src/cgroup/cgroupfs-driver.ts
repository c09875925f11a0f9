import { join } from 'node:path';
import type { CgroupDriver, CgroupName } from './cgroup-driver.ts';
import type { CgroupFiles } from './cgroup-files.ts';
import type { CgroupValues } from './cgroup-values.ts';

/** Cgroups made by mkdir: `/berth/kubepods/burstable/podUID`. */
export class CgroupfsDriver implements CgroupDriver {
  readonly #files: CgroupFiles;

  constructor(files: CgroupFiles) {
    this.#files = files;
  }

  pathOf(name: CgroupName): string {
    return join('/', ...name);
  }

  async apply(name: CgroupName, values: CgroupValues): Promise<void> {
    await this.#files.make(this.pathOf(name));
    await this.#files.write(this.pathOf(name), values);
  }

  remove(name: CgroupName): Promise<void> {
    return this.#files.remove(this.pathOf(name));
  }

  removeEmpty(name: CgroupName): Promise<void> {
    return this.#files.removeEmpty(this.pathOf(name));
  }

  children(name: CgroupName): Promise<string[]> {
    return this.#files.children(this.pathOf(name));
  }

  isBusy(name: CgroupName): Promise<boolean> {
    return this.#files.isBusy(this.pathOf(name));
  }

  has(name: CgroupName): Promise<boolean> {
    return this.#files.has(this.pathOf(name));
  }
}
