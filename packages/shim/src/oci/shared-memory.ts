import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mount } from '@berth/sdk/mount';
import { unmountIfMounted } from '../mount-points.ts';
import type { SandboxSpec } from '../runtime.ts';
import { rootOf } from '../sandbox/user-namespace.ts';

/** The size that the field gives a pod's /dev/shm. */
const options = 'mode=1777,size=65536k';

/** /dev/shm of the sandboxes: a tmpfs each, since POSIX shared memory and semaphores go with the IPC namespace that a pod shares. */
export class SharedMemory {
  readonly #directory: string;

  /** A folder that a reboot clears. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What a sandbox's containers see as /dev/shm: the host's, where they use its IPC namespace. */
  pathOf(sandbox: SandboxSpec): string {
    return sandbox.namespaces.ipc === undefined ? '/dev/shm' : join(this.#directory, sandbox.id);
  }

  async mount(sandbox: SandboxSpec): Promise<void> {
    if (sandbox.namespaces.ipc === undefined) return;
    const path = this.pathOf(sandbox);
    await mkdir(path, { recursive: true, mode: 0o700 });
    mount('shm', path, { type: 'tmpfs', flags: ['nosuid', 'noexec', 'nodev'], data: `${options}${ownerOptions(sandbox)}` });
  }

  async unmount(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    await this.#unmount(sandbox.id, signal);
  }

  /** Those of sandboxes that nobody knows any more. */
  async unmountUnknown(known: SandboxSpec[], signal: AbortSignal): Promise<void> {
    const mounted = await readdir(this.#directory).catch(() => []);
    for (const id of mounted) if (!known.some((sandbox) => sandbox.id === id)) await this.#unmount(id, signal);
  }

  async #unmount(id: string, signal: AbortSignal): Promise<void> {
    const path = join(this.#directory, id);
    await unmountIfMounted([path], signal);
    await rm(path, { recursive: true, force: true });
  }
}

function ownerOptions({ idMappings }: SandboxSpec): string {
  if (!idMappings) return '';
  const { uid, gid } = rootOf(idMappings);
  return `,uid=${uid},gid=${gid}`;
}
