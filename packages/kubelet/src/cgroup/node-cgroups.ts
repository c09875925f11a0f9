import type { Pod } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { CgroupDriver as CriDriver, RuntimeConfigRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { HugePages } from '../machine/machine-facts.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { CgroupOptions } from './cgroup-options.ts';
import { CgroupTree } from './cgroup-tree.ts';
import { CgroupfsDriver } from './cgroupfs-driver.ts';
import { nodeValues } from './node-values.ts';
import { PodCgroups } from './pod-cgroups.ts';
import { SystemdDriver } from './systemd-driver.ts';

/** What the cgroups are made for. */
export interface CgroupsNode {
  /** The pods whose requests count: those that are admitted and haven't ended. */
  pods(): readonly Pod[];
  /** What all pods together may use, `pid` among it. */
  podLimits(): ResourceAmounts;
  /** What pods may request. */
  allocatable(): ResourceAmounts;
  /** What the machine has. */
  capacity(): ResourceAmounts;
}

/** How long an update of the classes' cgroups may take. */
const updateDeadlineMs = 30_000;

type Driver = CgroupOptions['cgroupDriver'];

/** The pods' cgroups of a node whose runtimes may have cgroup drivers of their own, all below one root. */
export class NodeCgroups {
  readonly #options: CgroupOptions;
  readonly #node: CgroupsNode;
  readonly #tree: CgroupTree;
  readonly #pageSizes: readonly string[];
  /** As each runtime told it, by handler. */
  readonly #told = new Map<string, Driver>();
  /** Of drivers that a runtime has. */
  readonly #pods = new Map<Driver, PodCgroups>();
  /** Uids of pod cgroups without pod or process, as the last look found them. */
  #orphans = new Set<string>();
  #update: Promise<void> = Promise.resolve();

  constructor(options: CgroupOptions, node: CgroupsNode, tree = new CgroupTree()) {
    this.#options = options;
    this.#node = node;
    this.#tree = tree;
    this.#pageSizes = [];
  }

  /** In the form of the runtime's cgroup driver; the configured one for a runtime that has no word on it, as an older one. */
  async of({ handler, runtime }: RuntimeClient, signal: AbortSignal): Promise<PodCgroups> {
    const driver = this.#told.get(handler) ?? (await this.#ask(runtime, signal));
    this.#told.set(handler, driver);
    return this.#of(driver);
  }
}
