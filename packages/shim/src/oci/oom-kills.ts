import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readKeyed } from '@berth/sdk/cgroup/kernel-file';
import type { SandboxSpec } from '../runtime.ts';
import { parentDirectory } from './cgroup-driver.ts';

/**
 * Whom the kernel has killed for memory in cgroups that are gone (cgroup-v2.rst, memory.events). systemd removes a container's cgroup as
 * soon as it is empty, before anybody may have read what happened in it; its pod's cgroup still counts it. What that counts beyond its
 * cgroups that are there is of those that are gone, and what has come to it since the last look is of the container that has ended. Of two
 * that end at once the first one is told.
 */
export class OomKills {
  readonly #root: string;
  /** By sandbox: kills in cgroups that were gone at the last look. */
  readonly #gone = new Map<string, bigint>();

  constructor(root = '/sys/fs/cgroup') {
    this.#root = root;
  }

  /** To be called before a container of the sandbox may end. One without a cgroup of its own has no count. */
  follow(sandbox: SandboxSpec): void {
    const pod = parentDirectory(sandbox);
    if (pod !== undefined && !this.#gone.has(sandbox.id)) this.#gone.set(sandbox.id, this.#inGone(pod));
  }

  forget({ id }: SandboxSpec): void {
    this.#gone.delete(id);
  }

  /** Whether processes of a container, which has ended and had this cgroup, were killed for memory. To be asked of each that ends. */
  struck(sandbox: SandboxSpec, container: string): boolean {
    const pod = parentDirectory(sandbox);
    const before = this.#gone.get(sandbox.id);
    if (pod === undefined || before === undefined) return false;
    const now = this.#inGone(pod, basename(container));
    this.#gone.set(sandbox.id, now);
    return now > before;
  }

  #inGone(pod: string, ended?: string): bigint {
    const present = this.#children(pod).filter((name) => name !== ended);
    return present.reduce((left, name) => left - this.#kills(join(pod, name)), this.#kills(pod));
  }

  #kills(cgroup: string): bigint {
    return readKeyed(join(this.#root, cgroup), 'memory.events')?.get('oom_kill') ?? 0n;
  }

  #children(pod: string): string[] {
    try {
      const entries = readdirSync(join(this.#root, pod), { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    } catch {
      return [];
    }
  }
}
