import type { Pod } from '@berth/api/objects';
import { qosClassOf } from '../plan/qos-class.ts';
import { uidOf } from '../pod.ts';
import type { CgroupDriver, CgroupName } from './cgroup-driver.ts';
import type { CgroupOptions } from './cgroup-options.ts';
import type { CgroupValues } from './cgroup-values.ts';
import { podValues } from './pod-values.ts';
import { type Tier, tiers, tierValues } from './tier-values.ts';

const podPrefix = 'pod';

/** What the values of a pod's cgroup depend on besides the pod. */
interface PodSettings {
  /** The spec that they are of; default: the pod's. */
  wanting?: Pod;
  /** Without a quota of CPU time. */
  unthrottled?: boolean;
}

/**
 * The cgroups that pods run in, as one driver makes them: ROOT/kubepods/podUID of Guaranteed pods, the others' in `burstable` and
 * `besteffort` beside them. The runtime makes the containers' below. Calls may run side by side.
 */
export class PodCgroups {
  readonly #driver: CgroupDriver;
  readonly #options: CgroupOptions;
  readonly #pageSizes: readonly string[];
  readonly #root: CgroupName;
  readonly #kubepods: CgroupName;
  /** What each cgroup was given last, by its path. */
  readonly #applied = new Map<string, string>();

  /** `pageSizes` are those of huge pages that the host can limit: `2MB`. */
  constructor(driver: CgroupDriver, options: CgroupOptions, pageSizes: readonly string[]) {
    this.#driver = driver;
    this.#options = options;
    this.#pageSizes = pageSizes;
    this.#root = options.cgroupRoot.split('/').filter(Boolean);
    this.#kubepods = [...this.#root, 'kubepods'];
  }

  /** What the runtime gets as cgroup parent. */
  parentOf(pod: Pod): string {
    return this.#driver.pathOf(this.#options.cgroupsPerQOS ? this.#nameOf(pod) : this.#root);
  }

  /** Makes the pod's cgroup, and sets its values also where it is there. */
  async apply(pod: Pod, signal: AbortSignal, { wanting = pod, unthrottled = false }: PodSettings = {}): Promise<void> {
    if (!this.#options.cgroupsPerQOS) return;
    const [name, values] = [this.#nameOf(pod), this.#valuesOf(wanting, unthrottled)];
    const key = this.#driver.pathOf(name);
    this.#applied.delete(key);
    await this.#driver.apply(name, values, signal);
    this.#applied.set(key, textOf(values));
  }

  /** Whether the pod's cgroup was given last what it is to have now. */
  isCurrent(pod: Pod, { wanting = pod, unthrottled = false }: PodSettings = {}): boolean {
    if (!this.#options.cgroupsPerQOS) return true;
    return this.#applied.get(this.#driver.pathOf(this.#nameOf(pod))) === textOf(this.#valuesOf(wanting, unthrottled));
  }

  /** Removes the cgroup of the pod of that uid with all below; one that is missing is no error. */
  async remove(uid: string, signal: AbortSignal): Promise<void> {
    for (const name of this.#namesOf(uid)) {
      this.#applied.delete(this.#driver.pathOf(name));
      if (await this.#driver.has(name)) await this.#driver.remove(name, signal);
    }
  }

  /** Makes `kubepods` and the classes' cgroups, and sets their values where they aren't so already. `all` is for all pods together. */
  async applyTiers(pods: readonly Pod[], all: CgroupValues, allocatableMemory: bigint, signal: AbortSignal): Promise<void> {
    if (!this.#options.cgroupsPerQOS) return;
    const values = tierValues(pods, this.#options, allocatableMemory);
    await this.#applyOnce(this.#root, { unified: values.kept }, signal);
    await this.#applyOnce(this.#kubepods, { ...all, unified: values.kept }, signal);
    for (const tier of tiers) await this.#applyOnce([...this.#kubepods, tier], values[tier], signal);
  }

  /** The uids of the pods that have cgroups. */
  async uids(): Promise<string[]> {
    if (!this.#options.cgroupsPerQOS) return [];
    const children = await Promise.all(this.#parents().map((parent) => this.#driver.children(parent)));
    return children.flat().flatMap((name) => (name.startsWith(podPrefix) ? [name.slice(podPrefix.length)] : []));
  }

  /** Whether a process is in the cgroup of the pod of that uid. */
  async isBusy(uid: string): Promise<boolean> {
    for (const name of this.#namesOf(uid)) if (await this.#driver.isBusy(name)) return true;
    return false;
  }

  /** Removes the classes' cgroups, `kubepods` and the root, if no pod is left in them. Never throws. */
  async removeRoot(): Promise<void> {
    this.#applied.clear();
    for (const name of [...this.#parents().reverse(), this.#root]) if (name.length > 0) await this.#driver.removeEmpty(name);
  }

  async #applyOnce(name: CgroupName, values: CgroupValues, signal: AbortSignal): Promise<void> {
    const [key, text] = [this.#driver.pathOf(name), textOf(values)];
    if (name.length === 0 || this.#applied.get(key) === text) return;
    await this.#driver.apply(name, values, signal);
    this.#applied.set(key, text);
  }

  #valuesOf(pod: Pod, unthrottled: boolean): CgroupValues {
    const options = { ...this.#options, cpuCFSQuota: this.#options.cpuCFSQuota && !unthrottled };
    return podValues(pod, options, this.#pageSizes);
  }

  #nameOf(pod: Pod): CgroupName {
    const tier = this.#tierOf(pod);
    return [...this.#kubepods, ...(tier ? [tier] : []), `${podPrefix}${uidOf(pod)}`];
  }

  #tierOf(pod: Pod): Tier | undefined {
    const qosClass = qosClassOf(pod);
    return qosClass === 'Guaranteed' ? undefined : qosClass === 'Burstable' ? 'burstable' : 'besteffort';
  }

  /** A pod that is only known by its uid may be of any class. */
  #namesOf(uid: string): CgroupName[] {
    return this.#parents().map((parent) => [...parent, `${podPrefix}${uid}`]);
  }

  #parents(): CgroupName[] {
    return [this.#kubepods, ...tiers.map((tier) => [...this.#kubepods, tier])];
  }
}

function textOf(values: CgroupValues): string {
  return JSON.stringify(values, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}
