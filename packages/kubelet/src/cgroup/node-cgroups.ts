import { CgroupDriver, RuntimeConfigRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { CgroupfsPods } from './cgroupfs.ts';
import type { PodCgroups } from './pod-cgroups.ts';
import { SystemdPods } from './systemd.ts';

/** The pods' cgroups of a node whose runtimes may have cgroup drivers of their own, all below one root. */
export class NodeCgroups {
  readonly #cgroupfs: PodCgroups;
  readonly #systemd: PodCgroups;
  /** As each runtime told it, by handler. */
  readonly #told = new Map<string, PodCgroups>();

  /** `root` in cgroupfs notation: `/berth`. */
  constructor(root: string) {
    this.#cgroupfs = new CgroupfsPods(root);
    this.#systemd = new SystemdPods(root);
  }

  /** In the form of the runtime's cgroup driver; cgroupfs for one that has no word on it, as for an older one. */
  async of({ handler, runtime }: RuntimeClient, signal: AbortSignal): Promise<PodCgroups> {
    const known = this.#told.get(handler);
    if (known) return known;
    const driver = await runtime.runtimeConfig(RuntimeConfigRequest.create(), { signal }).then(
      ({ linux }) => linux?.cgroupDriver,
      (thrown: unknown) => {
        if (PluginError.from(thrown).code === 'UNIMPLEMENTED') return undefined;
        throw thrown;
      },
    );
    const cgroups = driver === CgroupDriver.SYSTEMD ? this.#systemd : this.#cgroupfs;
    this.#told.set(handler, cgroups);
    return cgroups;
  }

  /** Removes the root, if no pod is left in it. */
  async removeRoot(): Promise<void> {
    for (const cgroups of new Set(this.#told.values())) await cgroups.removeRoot();
  }
}
