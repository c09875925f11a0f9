import type { Container, Pod } from '@berth/api/objects';
import { CpuSet } from '../machine/cpu-set.ts';
import { cpusWhere, type MachineTopology, threadsPerCore } from '../machine/machine-topology.ts';
import type { Refusal } from '../plan/observed-pod.ts';
import { allContainers, uidOf } from '../pod.ts';
import { endsBeforeOthers } from '../pod-demand.ts';
import { type HintProvider, type ResourceHints, type TopologyHint, unexpectedRefusal } from '../topology-manager/hint-provider.ts';
import { hasNode, type NumaMask } from '../topology-manager/numa-mask.ts';
import { takePacked } from './cpu-accumulator.ts';
import { cpuHints } from './cpu-hints.ts';
import type { CpuPolicyOptions } from './cpu-policy-options.ts';
import type { CpuShares } from './cpu-shares.ts';
import type { CpuState, CpuStateFile } from './cpu-state.ts';
import { exclusiveCpus, exclusivePodCpus } from './exclusive-cpus.ts';
import { settleCpuState } from './settle-cpu-state.ts';
import { takeDistributed } from './take-distributed.ts';

interface StaticCpuPolicyOptions {
  machine: MachineTopology;
  options: CpuPolicyOptions;
  /** CPUs that no container ever gets for itself. */
  reserved: CpuSet;
  file: CpuStateFile;
}

/**
 * Kubelet's policy static: a container of a Guaranteed pod that requests whole CPUs gets them for itself, all others share the rest.
 * What an init container had goes to the containers after it.
 */
export class StaticCpuPolicy implements HintProvider {
  readonly #machine: MachineTopology;
  readonly #options: CpuPolicyOptions;
  readonly #reserved: CpuSet;
  readonly #file: CpuStateFile;
  readonly #state: CpuState;
  /** What ended init containers of a pod had and no later container has yet, by uid. */
  readonly #reusable = new Map<string, CpuSet>();

  /** FAILED_PRECONDITION if the state file can't be gone on with. */
  constructor({ machine, options, reserved, file }: StaticCpuPolicyOptions) {
    this.#machine = machine;
    this.#options = options;
    this.#reserved = reserved;
    this.#file = file;
    this.#state = settleCpuState(file, cpusWhere(machine), reserved, options.strictReservation);
  }

  /** The container's own CPUs, or else those that all others share. */
  cpusOf(uid: string, container: string): CpuSet {
    return this.#own(uid, container) ?? this.#state.defaultCpuSet;
  }

  /** Whether the container has CPUs for itself. */
  hasOwn(uid: string, container: string): boolean {
    return this.#own(uid, container) !== undefined;
  }

  /** Those that containers can have for themselves, were there none. */
  allocatable(): CpuSet {
    return cpusWhere(this.#machine).difference(this.#reserved);
  }

  /** Who has the CPUs now. */
  shares(): CpuShares {
    const entries = [...this.#state.entries.values()].flatMap((containers) => [...containers.values()]);
    const own = entries.reduce((all, cpus) => all.union(cpus), CpuSet.empty);
    const { cpus, numaNodes } = this.#machine;
    const countOn = (node: number) => cpus.filter(({ id, numaNode }) => numaNode === node && own.has(id)).length;
    return { shared: this.#available().size, exclusive: new Map(numaNodes.map(({ id }) => [id, countOn(id)])) };
  }

  holders(): string[] {
    return [...this.#state.entries.keys()];
  }

  lacks(pod: Pod, container: Container): boolean {
    return exclusiveCpus(pod, container) > 0 && !this.hasOwn(uidOf(pod), container.name);
  }

  containerHints(pod: Pod, container: Container): ResourceHints {
    const count = exclusiveCpus(pod, container);
    if (count === 0) return new Map();
    const own = this.#own(uidOf(pod), container.name);
    if (own) return this.#hints(count, own.size === count ? own : CpuSet.empty, CpuSet.empty);
    return this.#hints(count, this.#available(), this.#reusableOf(uidOf(pod)));
  }

  podHints(pod: Pod): ResourceHints {
    const count = exclusivePodCpus(pod);
    if (count === 0) return new Map();
    const own = [...(this.#state.entries.get(uidOf(pod))?.values() ?? [])].reduce((all, cpus) => all.union(cpus), CpuSet.empty);
    if (own.size === count) return this.#hints(count, own, CpuSet.empty);
    return this.#hints(count, this.#available(), this.#reusableOf(uidOf(pod)).union(own));
  }

  allocate(pod: Pod, container: Container, { affinity }: TopologyHint): Refusal | undefined {
    const count = exclusiveCpus(pod, container);
    const uid = uidOf(pod);
    if (count === 0) return undefined;
    const own = this.#own(uid, container.name);
    if (own) return this.#rememberReusable(pod, container, own);
    const refusal = this.#options.fullPhysicalCpusOnly ? this.#refuseHalfCores(uid, count) : undefined;
    if (refusal) return refusal;
    const cpus = this.#take(count, affinity, this.#reusableOf(uid));
    if (!cpus)
      return unexpectedRefusal(`not enough cpus available to satisfy request: requested=${count}, available=${this.#available().size}`);
    this.#state.defaultCpuSet = this.#state.defaultCpuSet.difference(cpus);
    this.#state.entries.set(uid, new Map([...(this.#state.entries.get(uid) ?? []), [container.name, cpus]]));
    this.#file.save(this.#state);
    return this.#rememberReusable(pod, container, cpus);
  }

  release(uid: string): void {
    this.#reusable.delete(uid);
    const entries = this.#state.entries.get(uid);
    if (!entries) return;
    this.#state.entries.delete(uid);
    this.#state.defaultCpuSet = [...entries.values()].reduce((all, cpus) => all.union(cpus), this.#state.defaultCpuSet);
    this.#file.save(this.#state);
  }

  #own(uid: string, container: string): CpuSet | undefined {
    return this.#state.entries.get(uid)?.get(container);
  }

  /** Free, and not reserved. */
  #available(): CpuSet {
    return this.#state.defaultCpuSet.difference(this.#reserved);
  }

  #reusableOf(uid: string): CpuSet {
    return this.#reusable.get(uid) ?? CpuSet.empty;
  }

  #rememberReusable(pod: Pod, container: Container, cpus: CpuSet): undefined {
    const before = this.#reusableOf(uidOf(pod));
    this.#reusable.set(uidOf(pod), endsBeforeOthers(pod, container) ? before.union(cpus) : before.difference(cpus));
    if (container === allContainers(pod).at(-1)) this.#reusable.delete(uidOf(pod));
  }

  #hints(count: number, available: CpuSet, reusable: CpuSet): ResourceHints {
    return new Map([['cpu', cpuHints(this.#machine, { count, available, reusable, alignBySocket: this.#options.alignBySocket })]]);
  }

  #refuseHalfCores(uid: string, count: number): Refusal | undefined {
    const perCore = threadsPerCore(this.#machine);
    const refusal = (why: string): Refusal => ({ reason: 'SMTAlignmentError', message: `SMT Alignment Error: ${why}` });
    if (count % perCore !== 0) return refusal(`requested ${count} cpus not multiple cpus per core = ${perCore}`);
    const physical = this.#wholeCores(this.#available()).union(this.#reusableOf(uid)).size;
    if (count <= physical) return undefined;
    return refusal(
      `not enough free physical CPUs: available physical CPUs = ${physical}, requested CPUs = ${count}, CPUs per core = ${perCore}`,
    );
  }

  #wholeCores(cpus: CpuSet): CpuSet {
    const broken = new Set(this.#machine.cpus.filter(({ id }) => !cpus.has(id)).map(({ core }) => core));
    return cpusWhere(this.#machine, ({ id, core }) => cpus.has(id) && !broken.has(core));
  }

  /** What the pod's init containers had comes first, then the NUMA nodes of the affinity, then anywhere. */
  #take(count: number, affinity: NumaMask | undefined, reusable: CpuSet): CpuSet | undefined {
    const available = this.#available().union(reusable);
    const near = affinity === undefined ? available : available.intersection(this.#near(affinity));
    let taken = CpuSet.empty;
    for (const source of [near.intersection(reusable), near]) {
      const free = source.difference(taken);
      taken = taken.union(this.#takeFrom(free, Math.min(free.size, count - taken.size)) ?? CpuSet.empty);
    }
    const rest = this.#takeFrom(available.difference(taken), count - taken.size);
    return rest && taken.union(rest);
  }

  #near(affinity: NumaMask): CpuSet {
    const isNear = ({ numaNode }: { numaNode: number }) => hasNode(affinity, numaNode);
    const sockets = new Set(this.#machine.cpus.filter(isNear).map(({ socket }) => socket));
    return cpusWhere(this.#machine, (cpu) => (this.#options.alignBySocket ? sockets.has(cpu.socket) : isNear(cpu)));
  }

  #takeFrom(available: CpuSet, count: number): CpuSet | undefined {
    const { distributeAcrossNuma, distributeAcrossCores: spreadCores, alignByUncoreCache, fullPhysicalCpusOnly } = this.#options;
    if (!distributeAcrossNuma) return takePacked(this.#machine, available, count, { spreadCores, alignByUncoreCache });
    const groupSize = fullPhysicalCpusOnly ? threadsPerCore(this.#machine) : 1;
    return takeDistributed(this.#machine, available, count, groupSize, { spreadCores });
  }
}
