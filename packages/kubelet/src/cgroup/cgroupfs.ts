import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { PodCgroups } from './pod-cgroups.ts';

const removalTries = 20;
const removalPauseMs = 50;

/** ROOT/podUID in every hierarchy (cgroup v1: one directory per controller; v2: one in all), made by mkdir. */
export class CgroupfsPods implements PodCgroups {
  readonly #root: string;
  readonly #mount: string;

  /** `root` in cgroupfs notation: `/berth`. */
  constructor(root: string, mount = '/sys/fs/cgroup') {
    this.#root = root;
    this.#mount = mount;
  }

  parentOf(uid: string): string {
    return join(this.#root, `pod${uid}`);
  }

  async create(uid: string): Promise<void> {
    for (const hierarchy of await this.#hierarchies()) await mkdir(join(hierarchy, this.parentOf(uid)), { recursive: true });
    if (this.#isUnified()) await this.#delegate(uid);
  }

  async remove(uid: string): Promise<void> {
    for (const hierarchy of await this.#hierarchies()) await removeTree(join(hierarchy, this.parentOf(uid)));
  }

  async removeRoot(): Promise<void> {
    for (const hierarchy of await this.#hierarchies()) await rmdir(join(hierarchy, this.#root)).catch(() => {});
  }

  async #hierarchies(): Promise<string[]> {
    if (this.#isUnified()) return [this.#mount];
    const entries = await readdir(this.#mount, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(this.#mount, entry.name));
  }

  #isUnified(): boolean {
    return existsSync(join(this.#mount, 'cgroup.controllers'));
  }

  /** On v2, a controller reaches a cgroup only if each one above hands it down. */
  async #delegate(uid: string): Promise<void> {
    const segments = this.parentOf(uid).split('/').filter(Boolean);
    for (let depth = 0; depth < segments.length; depth++) {
      const directory = join(this.#mount, ...segments.slice(0, depth));
      const controllers = (await readFile(join(directory, 'cgroup.controllers'), 'utf8')).trim().split(/\s+/).filter(Boolean);
      // One at a time: a controller that can't be handed down must not keep back the others.
      for (const controller of controllers) await writeFile(join(directory, 'cgroup.subtree_control'), `+${controller}`).catch(() => {});
    }
  }
}

/** Removes what the runtime may have left inside, too. The kernel needs a moment after the last process. */
async function removeTree(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(directory, entry.name));
  for (let tries = removalTries; ; tries--) {
    try {
      return await rmdir(directory);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || tries === 0) throw error;
    }
    await delay(removalPauseMs);
  }
}
