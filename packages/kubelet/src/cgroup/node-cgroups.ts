import type { Pod } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { CgroupDriver as CriDriver, RuntimeConfigRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { CgroupDriver } from './cgroup-driver.ts';
import type { CgroupFiles } from './cgroup-files.ts';
import type { CgroupOptions } from './cgroup-options.ts';
import { pageSizeOf } from './cgroup-values.ts';
import { CgroupfsDriver } from './cgroupfs-driver.ts';
import { measuredDriver } from './measured-driver.ts';
import { nodeValues } from './node-values.ts';
import { PodCgroups } from './pod-cgroups.ts';
import { SystemdDriver } from './systemd-driver.ts';

/** What the cgroups are made for. Amounts: cpu in millicores, bytes, pieces. */
interface CgroupsNode {
  /** The pods whose requests count: those that are admitted and haven't ended. */
  pods(): readonly Pod[];
  /** What all pods together may use, `pid` among it; it bounds them if `pods` is enforced. */
  podLimits(): ResourceAmounts;
  /** What the machine has. */
  capacity(): ResourceAmounts;
  /** What pods may request. */
  allocatable(): ResourceAmounts;
  /** What is kept for others than pods. */
  reserved(field: 'systemReserved' | 'kubeReserved'): ResourceAmounts;
}

type Driver = CgroupOptions['cgroupDriver'];
type CgroupMetrics = Pick<KubeletMetrics, 'cgroupManagerDuration'>;

/** How long an update of the classes' cgroups may take. */
const updateDeadlineMs = 30_000;

/** Cgroups that are not pods', and the entry of enforceNodeAllocatable by which each is bounded. */
const reservedCgroups = [
  { entry: 'system-reserved', cgroup: 'systemReservedCgroup', amounts: 'systemReserved' },
  { entry: 'kube-reserved', cgroup: 'kubeReservedCgroup', amounts: 'kubeReserved' },
] as const;

/** The pods' cgroups of a node whose runtimes may have cgroup drivers of their own, all below one root. */
export class NodeCgroups {
  readonly #options: CgroupOptions;
  readonly #node: CgroupsNode;
  readonly #drivers: Record<Driver, CgroupDriver>;
  readonly #pageSizes: readonly string[];
  /** As each runtime told it, by handler. */
  readonly #told = new Map<string, Driver>();
  /** Of drivers that a runtime has. */
  readonly #pods = new Map<Driver, PodCgroups>();
  #isExempt: (pod: Pod) => boolean = () => false;
  #running: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;

  constructor(options: CgroupOptions, node: CgroupsNode, files: CgroupFiles, { cgroupManagerDuration }: CgroupMetrics) {
    this.#options = options;
    this.#node = node;
    this.#drivers = {
      cgroupfs: measuredDriver(new CgroupfsDriver(files), cgroupManagerDuration),
      systemd: measuredDriver(new SystemdDriver(files), cgroupManagerDuration),
    };
    const sizes = [...node.capacity().keys()].filter((name) => name.startsWith('hugepages-')).map(pageSizeOf);
    this.#pageSizes = files.hasController('hugetlb') ? sizes : [];
  }

  /** Pods for which `isExempt` holds get no quota of CPU time: those with CPUs for themselves, which it could only slow down. */
  exempt(isExempt: (pod: Pod) => boolean): void {
    this.#isExempt = isExempt;
  }

  /** What the runtime gets as the parent of the pod's cgroups. */
  async parentOf(pod: Pod, client: RuntimeClient, signal: AbortSignal): Promise<string> {
    return (await this.#of(client, signal)).parentOf(pod);
  }

  /** Makes the pod's cgroup, or brings its values up to date, and those of its class. The values may be those of another spec than the pod's. */
  async apply(pod: Pod, client: RuntimeClient, signal: AbortSignal, wanting: Pod = pod): Promise<void> {
    const pods = await this.#of(client, signal);
    await this.update();
    await pods.apply(pod, signal, { wanting, unthrottled: this.#isExempt(pod) });
  }

  /** Applies the values of a pod that has been given other resources since that was done last. */
  async keepCurrent(pod: Pod, client: RuntimeClient, signal: AbortSignal): Promise<void> {
    const pods = await this.#of(client, signal);
    if (!pods.isCurrent(pod, { unthrottled: this.#isExempt(pod) })) await this.apply(pod, client, signal);
  }

  /** Removes the pod's cgroup with all below; one that is missing is no error. */
  async remove(uid: string, client: RuntimeClient, signal: AbortSignal): Promise<void> {
    await (await this.#of(client, signal)).remove(uid, signal);
  }

  /** Brings the values of the classes' cgroups up to date. Calls meanwhile share the next round. */
  update(): Promise<void> {
    this.#queued ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#queued = undefined;
        this.#running = this.#applyTiers();
        return this.#running;
      });
    return this.#queued;
  }

  /** The pods' cgroups by each driver that a runtime has. */
  all(): PodCgroups[] {
    return [...this.#pods.values()];
  }

  /** Bounds what isn't pods' by what is reserved for it, where that is to be enforced. Gives the cgroups; FAILED_PRECONDITION for one that isn't there. */
  async enforceReserved(): Promise<string[]> {
    const enforced: string[] = [];
    for (const { entry, cgroup, amounts } of reservedCgroups) {
      const path = this.#options[cgroup];
      const isAsked = this.#options.enforceNodeAllocatable.includes(entry);
      if (path === undefined || !(isAsked || this.#options.enforceNodeAllocatable.includes(`${entry}-compressible`))) continue;
      const reserved = this.#node.reserved(amounts);
      await this.#bound(path, cgroup, isAsked ? reserved : new Map([...reserved].filter(([name]) => name === 'cpu')));
      enforced.push(path);
    }
    return enforced;
  }

  /** Removes `kubepods` and the root, if no pod is left in them, after all updates that have been asked for. */
  async removeRoot(): Promise<void> {
    await (this.#queued ?? this.#running).catch(() => {});
    for (const pods of this.#pods.values()) await pods.removeRoot();
  }

  async #bound(path: string, field: string, amounts: ResourceAmounts): Promise<void> {
    const driver = this.#drivers[this.#options.cgroupDriver];
    const name = path.split('/').filter(Boolean);
    if (!(await driver.has(name))) throw new PluginError('FAILED_PRECONDITION', 'there is no such cgroup', { object: `${field} ${path}` });
    await driver.apply(name, nodeValues(amounts, this.#pageSizes), AbortSignal.timeout(updateDeadlineMs));
  }

  async #applyTiers(): Promise<void> {
    const { enforceNodeAllocatable } = this.#options;
    const isEnforced = enforceNodeAllocatable.includes('pods');
    const all = nodeValues(isEnforced ? this.#node.podLimits() : this.#node.capacity(), this.#pageSizes);
    const memory = this.#node.allocatable().get('memory') ?? 0n;
    const signal = AbortSignal.timeout(updateDeadlineMs);
    for (const pods of this.#pods.values()) await pods.applyTiers(this.#node.pods(), all, memory, signal);
  }

  /** In the form of the runtime's cgroup driver; the configured one for a runtime that has no word on it, as an older one. */
  async #of({ handler, runtime }: RuntimeClient, signal: AbortSignal): Promise<PodCgroups> {
    const driver = this.#told.get(handler) ?? (await this.#ask(runtime, signal));
    this.#told.set(handler, driver);
    const pods = this.#pods.get(driver) ?? new PodCgroups(this.#drivers[driver], this.#options, this.#pageSizes);
    this.#pods.set(driver, pods);
    return pods;
  }

  async #ask(runtime: RuntimeClient['runtime'], signal: AbortSignal): Promise<Driver> {
    try {
      const { linux } = await runtime.runtimeConfig(RuntimeConfigRequest.create(), { signal });
      return linux?.cgroupDriver === CriDriver.SYSTEMD ? 'systemd' : 'cgroupfs';
    } catch (thrown) {
      if (PluginError.from(thrown).code === 'UNIMPLEMENTED') return this.#options.cgroupDriver;
      throw thrown;
    }
  }
}
