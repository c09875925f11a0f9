import { join } from 'node:path';
import type { Container, Pod } from '@berth/api/objects';
import type { Logger } from 'pino';
import type { AdmitHandler, AdmitRequest } from '../admission/admit-handler.ts';
import type { Clock } from '../clock.ts';
import { checkCpuPolicyOptions, readCpuPolicyOptions } from '../cpu-manager/cpu-policy-options.ts';
import { noCpuShares } from '../cpu-manager/cpu-shares.ts';
import { CpuStateFile } from '../cpu-manager/cpu-state.ts';
import { CpusetReconciler } from '../cpu-manager/cpuset-reconciler.ts';
import { exclusiveCpus } from '../cpu-manager/exclusive-cpus.ts';
import { namedCpus, reservedCpus } from '../cpu-manager/reserved-cpus.ts';
import { StaticCpuPolicy } from '../cpu-manager/static-cpu-policy.ts';
import { CpuSet } from '../machine/cpu-set.ts';
import type { MachineTopology } from '../machine/machine-topology.ts';
import { readMachineTopology, type TopologyRoots } from '../machine/read-machine-topology.ts';
import { memoryRequests } from '../memory-manager/memory-requests.ts';
import { type MemoryBlock, MemoryStateFile } from '../memory-manager/memory-state.ts';
import { checkReservedMemory, type ReservedMemory } from '../memory-manager/reserved-memory.ts';
import { StaticMemoryPolicy } from '../memory-manager/static-memory-policy.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { Refusal, ResizeRefusal } from '../plan/observed-pod.ts';
import { qosClassOf } from '../plan/qos-class.ts';
import { allContainers, resourceContainers, uidOf } from '../pod.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { countedProvider } from './counted-provider.ts';
import type { HintProvider } from './hint-provider.ts';
import type { Reserved } from './reserved.ts';
import { TopologyManager, type TopologyManagerOptions } from './topology-manager.ts';

/** Named after the fields of KubeletConfiguration. */
export interface ResourceManagersOptions extends TopologyManagerOptions {
  cpuManagerPolicy: 'none' | 'static';
  cpuManagerPolicyOptions: Readonly<Record<string, string>>;
  /** A list such as `0-1,8`; empty: as many as the reserved CPU time needs. */
  reservedSystemCPUs: string;
  /** How often running containers are held to their CPUs anew. */
  cpuManagerReconcilePeriodMs: number;
  memoryManagerPolicy: 'None' | 'Static';
  reservedMemory: readonly ReservedMemory[];
}

/** kubelet's. */
export const defaultResourceManagers: ResourceManagersOptions = {
  cpuManagerPolicy: 'none',
  cpuManagerPolicyOptions: {},
  reservedSystemCPUs: '',
  cpuManagerReconcilePeriodMs: 10_000,
  memoryManagerPolicy: 'None',
  reservedMemory: [],
  topologyManagerPolicy: 'none',
  topologyManagerScope: 'container',
  topologyManagerPolicyOptions: {},
};

/** What a container has for itself, as CRI writes it; empty: no word on it. */
export interface ContainerAssignment {
  cpusetCpus: string;
  cpusetMems: string;
  /** No quota is needed for CPUs that nobody else has, and none may slow them down. */
  exclusiveCpus: boolean;
}

/** CPUs and memory that a container has for itself, or that containers could have. */
export interface OwnResources {
  cpus: CpuSet;
  memory: readonly MemoryBlock[];
}

/** What the managers know of the rest of the node. */
export interface ManagedNode {
  /** All pods with their status. */
  pods(): Pod[];
  /** The pods that were admitted and haven't ended, by this kubelet or the one before, and those that wait to be. */
  holders(): Pod[];
  /** Whether these are all: before that, nobody knows which pods of before a restart are gone. */
  sourcesReady(): boolean;
  runtime(handler: string): RuntimeClient;
  metrics: Pick<KubeletMetrics, 'resourceManagers'>;
  clock: Clock;
  log: Logger;
}

const unknownMachine: MachineTopology = { cpus: [], numaNodes: [] };

/** CPU, memory and topology manager of a node. */
export class ResourceManagers implements AdmitHandler {
  /**
   * For a pod that ran before a restart of the kubelet: it keeps what it had, and is given anew what no state tells of any more, its file having been
   * deleted; by the same rule, refused if that can't be had (kubernetes:pkg/kubelet/kubelet.go, HandlePodAdditions).
   */
  readonly ofRunning: AdmitHandler = {
    admit: (request) => (this.#lacks(request.pod) ? this.admit(request) : undefined),
  };

  readonly #options: ResourceManagersOptions;
  readonly #directory: string;
  readonly #providers: HintProvider[] = [];
  readonly #node: ManagedNode;
  readonly #reconciler: CpusetReconciler;
  #cpus: StaticCpuPolicy | undefined;
  #memory: StaticMemoryPolicy | undefined;
  #topology: TopologyManager | undefined;
  #numaNodes: readonly number[] = [];
  /** Pods that were among those of the node since it began; of all others something may still come to light. */
  readonly #seen = new Set<string>();

  /** State files are in `directory`; providers of other resources (devices) may be given. */
  constructor(options: ResourceManagersOptions, directory: string, node: ManagedNode, providers: readonly HintProvider[] = []) {
    this.#options = options;
    this.#directory = directory;
    this.#node = node;
    this.#providers.push(...providers);
    this.#reconciler = new CpusetReconciler({
      ...node,
      cpuManagerReconcilePeriodMs: options.cpuManagerReconcilePeriodMs,
      cpusOf: (pod, container) => this.assignmentOf(pod, { name: container }).cpusetCpus,
      releaseEnded: () => this.releaseEnded(),
    });
    node.metrics.resourceManagers.showCpus(() => this.#cpus?.shares() ?? noCpuShares);
  }

  /** Reads the machine and the state files. FAILED_PRECONDITION or INVALID_ARGUMENT for what keeps the node from starting. */
  async start(reserved: Reserved, roots?: TopologyRoots): Promise<void> {
    const { cpuManagerPolicy, memoryManagerPolicy, topologyManagerPolicy } = this.#options;
    const [cpuFile, memoryFile] = this.#files();
    if (cpuManagerPolicy === 'none') cpuFile.save(cpuFile.load());
    if (memoryManagerPolicy === 'None') memoryFile.save(memoryFile.load() ?? { nodes: new Map(), entries: new Map() });
    const idle = cpuManagerPolicy === 'none' && memoryManagerPolicy === 'None' && topologyManagerPolicy === 'none';
    // Without a policy nothing depends on the machine, which may be one that can't be read.
    const machine = idle && this.#options.reservedSystemCPUs === '' ? unknownMachine : await readMachineTopology(roots);
    this.#tellReservedCpus(machine);
    this.#numaNodes = machine.numaNodes.map(({ id }) => id);
    if (cpuManagerPolicy === 'static') this.#cpus = this.#startCpus(machine, cpuFile, reserved.cpu);
    if (memoryManagerPolicy === 'Static') this.#memory = this.#startMemory(machine, memoryFile, reserved.memory);
    this.#providers.push(...this.#countedPolicies());
    this.#topology = new TopologyManager(this.#options, machine, this.#providers);
  }

  /** The machine's, for providers; none before the start, and where no policy depends on them. */
  get numaNodes(): readonly number[] {
    return this.#numaNodes;
  }

  /** Gives the pod what it asks for. */
  admit({ pod, others }: AdmitRequest): Refusal | undefined {
    this.#forgetEnded(others);
    this.releaseEnded();
    this.#seen.add(uidOf(pod));
    const startedAt = performance.now();
    const refusal = this.#topology?.allocate(pod);
    this.#node.metrics.resourceManagers.podAsked(performance.now() - startedAt, refusal !== undefined);
    this.#reconciler.notify();
    return refusal;
  }

  /** The pod ran before this kubelet was started: what it has is handed out to nobody, even if no state tells of it. To be called before any pod asks. */
  adopt(pod: Pod): void {
    for (const provider of this.#providers) provider.adopt?.(pod);
  }

  /** What pods had that have ended is free. */
  releaseEnded(): void {
    if (!this.#node.sourcesReady()) return;
    const uids = new Set(this.#node.holders().map(uidOf));
    for (const provider of this.#providers) {
      for (const uid of provider.holders()) if (!uids.has(uid)) provider.release(uid);
    }
  }

  /** Holds running containers to their CPUs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#cpus || this.#memory) await this.#reconciler.run(signal);
  }

  /** kubelet's answer to a pod whose CPUs or memory a static policy has handed out, or would. */
  refuseResize(pod: Pod): ResizeRefusal | undefined {
    if (qosClassOf(pod) !== 'Guaranteed') return undefined;
    const manager = this.#cpus ? 'CPU Manager' : this.#memory && 'Memory Manager';
    return manager && { reason: 'Infeasible', message: `Resize is infeasible for Guaranteed Pods alongside ${manager} static policy` };
  }

  assignmentOf(pod: Pod, { name }: Pick<Container, 'name'>): ContainerAssignment {
    const uid = uidOf(pod);
    return {
      cpusetCpus: `${this.#cpus?.cpusOf(uid, name) ?? ''}`,
      cpusetMems: `${this.#memory?.nodesOf(uid, name) ?? ''}`,
      exclusiveCpus: this.#cpus?.hasOwn(uid, name) ?? false,
    };
  }

  ownOf(pod: Pod, { name }: Pick<Container, 'name'>): OwnResources {
    const uid = uidOf(pod);
    const cpus = this.#cpus?.hasOwn(uid, name) ? this.#cpus.cpusOf(uid, name) : CpuSet.empty;
    return { cpus, memory: this.#memory?.blocksOf(uid, name) ?? [] };
  }

  /** What static policies hand out, were no pod there. */
  allocatable(): OwnResources {
    return { cpus: this.#cpus?.allocatable() ?? CpuSet.empty, memory: this.#memory?.allocatable() ?? [] };
  }

  /** Whether a container of the pod has CPUs for itself, so that no quota may slow the pod down. */
  hasExclusiveCpus(pod: Pod): boolean {
    return allContainers(pod).some((container) => this.assignmentOf(pod, container).exclusiveCpus);
  }

  #lacks(pod: Pod): boolean {
    return this.#providers.some((provider) => resourceContainers(pod).some((container) => provider.lacks(pod, container)));
  }

  #countedPolicies(): HintProvider[] {
    const { resourceManagers: metrics } = this.#node.metrics;
    const asksCpus = (pod: Pod, container: Container) => exclusiveCpus(pod, container) > 0;
    const asksMemory = (pod: Pod, container: Container) => memoryRequests(pod, container).size > 0;
    return [
      ...(this.#cpus ? [countedProvider(this.#cpus, { asks: asksCpus, tell: (failed) => metrics.cpusAsked(failed) })] : []),
      ...(this.#memory ? [countedProvider(this.#memory, { asks: asksMemory, tell: (failed) => metrics.memoryAsked(failed) })] : []),
    ];
  }

  #forgetEnded(others: readonly Pod[]): void {
    const present = new Set(others.map(uidOf));
    for (const uid of this.#seen) {
      if (present.has(uid)) continue;
      this.#seen.delete(uid);
      for (const provider of this.#providers) provider.release(uid);
    }
    for (const uid of present) this.#seen.add(uid);
  }

  #files(): [CpuStateFile, MemoryStateFile] {
    const { cpuManagerPolicy, memoryManagerPolicy } = this.#options;
    return [
      new CpuStateFile(join(this.#directory, 'cpu_manager_state'), cpuManagerPolicy),
      new MemoryStateFile(join(this.#directory, 'memory_manager_state'), memoryManagerPolicy),
    ];
  }

  #tellReservedCpus(machine: MachineTopology): void {
    const reserved = namedCpus(machine, this.#options.reservedSystemCPUs);
    if (reserved.size === 0) return;
    const [reservedSystemCPUs, cpu] = [`${reserved}`, reserved.size];
    this.#node.log.info(
      { reservedSystemCPUs, cpu },
      'reservedSystemCPUs is given: it takes the place of cpu in systemReserved and kubeReserved',
    );
  }

  #startCpus(machine: MachineTopology, file: CpuStateFile, reservedMilliCpu: bigint): StaticCpuPolicy {
    const options = readCpuPolicyOptions(this.#options.cpuManagerPolicyOptions);
    checkCpuPolicyOptions(options, machine, this.#options.topologyManagerPolicy);
    return new StaticCpuPolicy({
      machine,
      options,
      reserved: reservedCpus(machine, this.#options.reservedSystemCPUs, reservedMilliCpu),
      file,
    });
  }

  #startMemory(machine: MachineTopology, file: MemoryStateFile, reservedBytes: bigint): StaticMemoryPolicy {
    checkReservedMemory(machine, this.#options.reservedMemory, reservedBytes);
    return new StaticMemoryPolicy(machine, this.#options.reservedMemory, file);
  }
}
