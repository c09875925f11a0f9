import { join } from 'node:path';
import type { CgroupDriver, CgroupName } from './cgroup-driver.ts';
import type { CgroupTree } from './cgroup-tree.ts';
import type { CgroupValues } from './cgroup-values.ts';

/** Cgroups made by mkdir: `/berth/kubepods/burstable/podUID`. */
export class CgroupfsDriver implements CgroupDriver {
  readonly #tree: CgroupTree;

  constructor(tree: CgroupTree) {
    this.#tree = tree;
  }

  pathOf(name: CgroupName): string {
    return join('/', ...name);
  }

  async apply(name: CgroupName, values: CgroupValues): Promise<void> {
    await this.#tree.make(this.pathOf(name));
    await this.#tree.write(this.pathOf(name), values);
  }

  remove(name: CgroupName): Promise<void> {
    return this.#tree.remove(this.pathOf(name));
  }

  removeEmpty(name: CgroupName): Promise<void> {
    return this.#tree.removeEmpty(this.pathOf(name));
  }

  children(name: CgroupName): Promise<string[]> {
    return this.#tree.children(this.pathOf(name));
  }

  isBusy(name: CgroupName): Promise<boolean> {
    return this.#tree.isBusy(this.pathOf(name));
  }

  has(name: CgroupName): Promise<boolean> {
    return this.#tree.has(this.pathOf(name));
  }
}
