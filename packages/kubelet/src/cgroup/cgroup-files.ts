import { constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import type { CgroupValues } from './cgroup-values.ts';
import { filesOfV1, filesOfV2, type ValueFile } from './value-files.ts';

/** Files of cgroups come and go with them: none is made by writing. */
const existingFile = constants.O_WRONLY | constants.O_TRUNC;
const removalTries = 20;
const removalPauseMs = 50;

/** The kernel's cgroups as files: with v1 a hierarchy for each controller, with v2 one for all. Paths are those in each hierarchy: `/berth/kubepods`. */
export class CgroupFiles {
  readonly #mount: string;
  #hierarchies: Promise<string[]> | undefined;

  /** `mount` is where the host has its cgroups. */
  constructor(mount = '/sys/fs/cgroup') {
    this.#mount = mount;
  }

  /** Only cgroup v2 is there. */
  get isUnified(): boolean {
    return existsSync(join(this.#mount, 'cgroup.controllers'));
  }

  /** Whether the host has the controller, of v1 or of v2 alone. */
  hasController(name: string): boolean {
    const file = join(this.#mount, 'cgroup.controllers');
    if (this.isUnified) return readFileSync(file, 'utf8').trim().split(/\s+/).includes(name);
    return existsSync(join(this.#mount, name));
  }

  /** Whether the host can limit swap. On v2 the root itself has no such file. */
  limitsSwap(): boolean {
    if (!this.isUnified) return existsSync(join(this.#mount, 'memory/memory.memsw.limit_in_bytes'));
    return readdirSync(this.#mount, { withFileTypes: true }).some(
      (entry) => entry.isDirectory() && existsSync(join(this.#mount, entry.name, 'memory.swap.max')),
    );
  }

  /** Makes the cgroup with all above; those that are there stay. */
  async make(path: string): Promise<void> {
    for (const hierarchy of await this.#directories()) await mkdir(join(hierarchy, path), { recursive: true });
    if (this.isUnified) await this.#delegate(path);
  }

  /** Sets values of a cgroup that is there. */
  async write(path: string, values: CgroupValues): Promise<void> {
    for (const file of this.isUnified ? filesOfV2(values) : filesOfV1(values)) await this.#writeFile(path, file);
  }

  /** Whether the cgroup is in any of the hierarchies. */
  async has(path: string): Promise<boolean> {
    return (await this.#directories()).some((hierarchy) => existsSync(join(hierarchy, path)));
  }

  /** The names of the cgroups in this one, in any of the hierarchies. */
  async children(path: string): Promise<string[]> {
    const names = new Set<string>();
    for (const hierarchy of await this.#directories()) for (const name of await subdirectories(join(hierarchy, path))) names.add(name);
    return [...names];
  }

  /** Whether a process is in the cgroup, or in one below. */
  async isBusy(path: string): Promise<boolean> {
    for (const hierarchy of await this.#directories()) if (await isBusy(join(hierarchy, path))) return true;
    return false;
  }

  /** Removes the cgroup with all below; a missing one is no error. EBUSY if processes are in it still after a second. */
  async remove(path: string): Promise<void> {
    for (const hierarchy of await this.#directories()) await removeTree(join(hierarchy, path));
  }

  /** Removes the cgroup if nothing is in it. Never throws. */
  async removeEmpty(path: string): Promise<void> {
    for (const hierarchy of await this.#directories()) await rmdir(join(hierarchy, path)).catch(() => {});
  }

  /** The root of each hierarchy. */
  #directories(): Promise<string[]> {
    if (this.isUnified) return Promise.resolve([this.#mount]);
    this.#hierarchies ??= subdirectories(this.#mount).then((names) => names.map((name) => join(this.#mount, name)));
    return this.#hierarchies;
  }

  async #writeFile(path: string, { controller, name, value, required }: ValueFile): Promise<void> {
    const target = join(await this.#hierarchyOf(controller), path, name);
    try {
      await writeFile(target, value, { flag: existingFile });
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException;
      if (code !== 'ENOENT') throw PluginError.from(thrown, 'INTERNAL', { object: `cgroup file ${target}, value ${value}` });
      if (!required) return;
      throw new PluginError('FAILED_PRECONDITION', 'the file is missing', {
        object: `cgroup file ${target}`,
        hint: `does this host have the cgroup controller ${controller}?`,
      });
    }
  }

  /** A hierarchy of v1 may have several controllers: `cpu,cpuacct`. */
  async #hierarchyOf(controller: string): Promise<string> {
    const directories = await this.#directories();
    const own = directories.find((directory) =>
      directory
        .slice(this.#mount.length + 1)
        .split(',')
        .includes(controller),
    );
    return own ?? (this.isUnified ? this.#mount : join(this.#mount, controller));
  }

  /** On v2, a controller reaches a cgroup only if each one above hands it down. */
  async #delegate(path: string): Promise<void> {
    const segments = path.split('/').filter(Boolean);
    for (let depth = 0; depth < segments.length; depth++) {
      const directory = join(this.#mount, ...segments.slice(0, depth));
      const handed = new Set(await words(join(directory, 'cgroup.subtree_control')));
      const missing = (await words(join(directory, 'cgroup.controllers'))).filter((controller) => !handed.has(controller));
      // One at a time: a controller that can't be handed down must not keep back the others.
      for (const controller of missing) await writeFile(join(directory, 'cgroup.subtree_control'), `+${controller}`).catch(() => {});
    }
  }
}

async function words(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim().split(/\s+/).filter(Boolean);
}

async function subdirectories(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function isBusy(directory: string): Promise<boolean> {
  if ((await words(join(directory, 'cgroup.procs'))).length > 0) return true;
  for (const name of await subdirectories(directory)) if (await isBusy(join(directory, name))) return true;
  return false;
}

/** Removes what the runtime may have left inside, too. The kernel needs a moment after the last process. */
async function removeTree(directory: string): Promise<void> {
  for (const name of await subdirectories(directory)) await removeTree(join(directory, name));
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
