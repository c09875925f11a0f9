import { createHash } from 'node:crypto';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { mountPoints } from '@berth/shim/mount-points';
import { runProgram } from '@berth/shim/run-program';
import { containerShare, sharePath, toolsShare } from '../guest/paths.ts';
import type { MachineDirectory } from './machine-directory.ts';

interface Staging {
  /** Options of the mount. */
  how: string[];
  isDirectory: boolean;
}

/**
 * The tree of the host that a machine's guest sees at `sharePath`: its tools, its containers' root file systems and volumes,
 * each a bind mount. One share for all of a pod, so that containers which share a volume share the guest's cache of it too.
 */
export class Share {
  readonly #directory: MachineDirectory;

  constructor(directory: MachineDirectory) {
    this.#directory = directory;
  }

  /** Makes the tree, with the tools in it. What is mounted later reaches virtiofsd, which has a mount namespace of its own. */
  async make(tools: string, signal: AbortSignal): Promise<void> {
    const { share, staging } = this.#directory;
    for (const path of [share, staging]) await mkdir(path, { recursive: true, mode: 0o700 });
    await runProgram('mount', ['--bind', share, share], { signal });
    // The host's own peer group is left first: it is nobody else's business.
    await runProgram('mount', ['--make-private', share], { signal });
    await runProgram('mount', ['--make-shared', share], { signal });
    await this.#bind(tools, toolsShare, ['ro', 'private'], signal);
  }

  /** Shows a container's root file system, and gives its path in the guest. */
  async addRootfs(containerId: string, rootfs: string, signal: AbortSignal): Promise<string> {
    return this.#bind(rootfs, containerShare(containerId), [], signal);
  }

  /**
   * Shows a file or folder of the host, and gives its path in the guest. Other volumes of the same source are the same to the guest,
   * but for those that were there before the first writable one: what is mounted read-only stays so.
   */
  async addVolume(source: string, readonly: boolean, signal: AbortSignal): Promise<string> {
    const name = join('volumes', createHash('sha256').update(source).digest('hex').slice(0, 16));
    const mounted = await mountPoints();
    // The guest mounts it read-only for the containers that want it so.
    if (mounted.has(join(this.#directory.share, name))) return join(sharePath, name);
    const place = readonly ? `${name}-ro` : name;
    if (mounted.has(join(this.#directory.share, place))) return join(sharePath, place);
    return this.#bind(source, place, readonly ? ['ro', 'private'] : ['private'], signal);
  }

  /** virtiofsd may still have files of it open: they go when it closes them. */
  async removeRootfs(containerId: string, signal: AbortSignal): Promise<void> {
    const path = join(this.#directory.share, containerShare(containerId));
    if ((await mountPoints()).has(path)) await runProgram('umount', ['--lazy', path], { signal });
    await rm(path, { recursive: true, force: true });
  }

  /** Takes the whole tree away; the machine has ended. */
  async remove(signal: AbortSignal): Promise<void> {
    const below = await this.#mountsBelow();
    if (below.length > 0) await runProgram('umount', ['--lazy', ...below.toSorted().reverse()], { signal });
    const left = await this.#mountsBelow();
    // To remove the folder would remove what is in those volumes.
    if (left.length > 0) throw new PluginError('FAILED_PRECONDITION', 'it is still mounted', { object: left[0], hint: 'unmount it' });
  }

  async #mountsBelow(): Promise<string[]> {
    const prefix = `${this.#directory.path}/`;
    return [...(await mountPoints())].filter((path) => path.startsWith(prefix));
  }

  async #bind(source: string, place: string, how: string[], signal: AbortSignal): Promise<string> {
    const target = join(this.#directory.share, place);
    const kind = await stat(source);
    if (!kind.isDirectory() && !kind.isFile()) {
      throw new PluginError('INVALID_ARGUMENT', 'only files and folders of the host can be mounted into a machine', {
        object: source,
        hint: "sockets, pipes and devices work with a runtime that shares the host's kernel",
      });
    }
    await makeMountPoint(target, kind.isDirectory());
    if (how.length > 0) await this.#bindStaged(source, target, { how, isDirectory: kind.isDirectory() }, signal);
    else await runProgram('mount', ['--bind', source, target], { signal });
    return join(sharePath, place);
  }

  /**
   * That a mount is read-only, or private, is said of it once it is there, which isn't passed on to virtiofsd; a mount of a read-only mount is,
   * and one of a private mount is no peer of the source: what the host mounts there later stays out of the machine.
   */
  async #bindStaged(source: string, target: string, { how, isDirectory }: Staging, signal: AbortSignal): Promise<void> {
    const stage = join(this.#directory.staging, 'mount');
    await makeMountPoint(stage, isDirectory);
    await runProgram('mount', ['-o', ['bind', ...how].join(','), source, stage], { signal });
    try {
      await runProgram('mount', ['--bind', stage, target], { signal });
    } finally {
      await runProgram('umount', [stage], { signal: AbortSignal.timeout(5000) });
      await rm(stage, { recursive: true });
    }
  }
}

async function makeMountPoint(path: string, isDirectory: boolean): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  if (isDirectory) await mkdir(path, { recursive: true, mode: 0o700 });
  else await writeFile(path, '', { mode: 0o600 });
}
