import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { hostPorts } from './admission/host-ports.ts';
import { PodAdmission } from './admission/pod-admission.ts';
import { unsupportedFields } from './admission/unsupported-fields.ts';
import { PodMemories } from './checkpoint/pod-memories.ts';
import { type Clock, systemClock } from './clock.ts';
import { NodeDevices } from './device-manager/node-devices.ts';
import { defaultEviction, EvictionManager } from './eviction/eviction-manager.ts';
import { NodeGc } from './gc/node-gc.ts';
import { KubeletNode } from './kubelet-node.ts';
import type { KubeletOptions } from './kubelet-options.ts';
import { ContainerLogManager } from './logs/container-log-manager.ts';
import { defaultLogRotation } from './logs/log-rotation.ts';
import { readMachineFacts } from './machine/machine-facts.ts';
import { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import { addMirrorPods } from './metrics/mirror-pods.ts';
import { PodStartLatency } from './metrics/pod-start-latency.ts';
import { addWorkingPods } from './metrics/working-pods.ts';
import { NodeEnvironment } from './node-environment.ts';
import { type BackOff, defaultBackOff } from './plan/back-off.ts';
import { fullNameOf, isStaticPod, uidOf } from './pod.ts';
import { PodDirectories } from './pod-directories.ts';
import { PodEvents } from './pod-events.ts';
import { PodWorkers } from './pod-workers/pod-workers.ts';
import { WorkerFactory } from './pod-workers/worker-factory.ts';
import { Probes } from './probes/probes.ts';
import { ClusterReports } from './reports/cluster-reports.ts';
import { PodReports } from './reports/pod-reports.ts';
import { NodeRuntimes } from './runtime/node-runtimes.ts';
import { KubeletHost } from './server/kubelet-host.ts';
import type { NodeView } from './server/node-view.ts';
import { KubeletServer } from './server/server.ts';
import { NodeShutdown } from './shutdown/node-shutdown.ts';
import { ClusterPods } from './sources/cluster-pods.ts';
import type { StatsProvider } from './stats/stats-provider.ts';
import { defaultIntervals, SyncLoop } from './sync-loop.ts';
import { defaultResourceManagers, type ManagedNode, ResourceManagers } from './topology-manager/resource-managers.ts';
import { PodTraces } from './trace/pod-traces.ts';
import { NodeVolumes } from './volumes/node-volumes.ts';

const defaultRequestTimeoutMs = 2 * 60 * 1000;

/** What the kubelet's server shows of the kubelet itself. */
type ShownKubelet = Pick<NodeView, 'pods' | 'runtimeCounts' | 'self' | 'devices' | 'events' | 'explain' | 'sourceProblems' | 'unhealthy'>;

/** What a kubelet is put together of. Parts that need one another ask for it when they need it. */
export class KubeletParts {
  readonly backOff: BackOff;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  readonly runtimes: NodeRuntimes;
  readonly directories: PodDirectories;
  readonly events: PodEvents;
  readonly traces: PodTraces;
  readonly metrics: KubeletMetrics;
  readonly devices: NodeDevices;
  readonly node: KubeletNode;
  readonly environment: NodeEnvironment;
  readonly volumes: NodeVolumes;
  readonly memories: PodMemories;
  readonly workers: PodWorkers;
  /** Who has CPUs, memory nodes and devices of its own. */
  readonly resourceManagers: ResourceManagers;
  readonly eviction: EvictionManager;
  readonly shutdown: NodeShutdown;
  readonly cluster: ClusterPods | undefined;
  readonly clusterReports: ClusterReports | undefined;
  readonly reports: PodReports;
  readonly loop: SyncLoop;
  readonly gc: NodeGc;
  readonly logs: ContainerLogManager;
  readonly server: KubeletServer;

  constructor(options: KubeletOptions, kubelet: ShownKubelet) {
    const { nodeName, kubeletRoot, cluster: api, eventLimits: limits, log, clock = systemClock } = options;
    this.backOff = { ...defaultBackOff, ...options.backOff };
    this.clock = clock;
    this.requestTimeoutMs = options.runtimeRequestTimeoutMs ?? defaultRequestTimeoutMs;
    this.runtimes = new NodeRuntimes(options);
    this.directories = new PodDirectories(kubeletRoot, options.podLogsDir);
    this.events = new PodEvents(clock, nodeName, (event) => this.clusterReports?.event(event));
    this.traces = options.traces ?? new PodTraces();
    this.metrics = options.metrics ?? new KubeletMetrics(options);
    this.memories = new PodMemories(join(kubeletRoot, 'pod-memories'), log);
    this.devices = this.#devicesOf(options);
    this.node = this.#nodeOf(options, kubelet);
    this.environment = new NodeEnvironment(options, {
      clock,
      traces: this.traces,
      metrics: this.metrics,
      allocatable: () => this.node.resources.allocatable(),
    });
    this.volumes = this.#volumesOf(options);
    this.workers = this.#workersOf(options, (pod, foundIn) => factory.create(pod, foundIn));
    addWorkingPods(this.metrics.registry, () => this.workers.working());
    addMirrorPods(this.metrics.registry, () => this.cluster?.mirrorCount ?? 0);
    this.shutdown = new NodeShutdown(options, {
      clock,
      metrics: this.metrics,
      events: this.events,
      workers: () => this.workers.all(),
      onBegin: () => this.node.presence.lookNow(),
    });
    this.cluster = api && new ClusterPods({ api, nodeName, log, clock });
    this.clusterReports =
      api && new ClusterReports({ api, log, clock, limits, metrics: this.metrics, inApi: (pod) => this.cluster?.inApi(pod) });
    const starts = new PodStartLatency(this.metrics, clock, (pod) => this.traces.pullSeconds(fullNameOf(pod)));
    this.reports = new PodReports({ cluster: this.cluster, reports: this.clusterReports, starts, pods: () => this.workers.pods() });
    const host = this.#hostOf(options, kubelet);
    this.resourceManagers = this.#resourceManagersOf(options);
    this.eviction = this.#evictionOf(options, host.stats);
    this.node.cgroups?.exempt((pod) => this.resourceManagers.hasExclusiveCpus(pod));
    const factory = this.#factoryOf(options, starts);
    this.loop = this.#loopOf(options);
    this.gc = this.#gcOf(options);
    const { runtimes, directories } = this;
    this.logs = new ContainerLogManager({ directories, runtimes, kubelet, clock, log }, { ...defaultLogRotation, ...options.logRotation });
    this.server = new KubeletServer({ path: join(options.run, 'kubelet.sock'), node: host, ports: options.server, log, clock });
  }

  #nodeOf(options: KubeletOptions, kubelet: ShownKubelet): KubeletNode {
    const pressure = { pressure: () => this.eviction.pressure() };
    return new KubeletNode(
      { pressure, ...options },
      {
        runtime: this.runtimes.default,
        resourceProviders: [this.devices.manager],
        events: this.events,
        pods: () => this.workers,
        unhealthy: () => [...kubelet.unhealthy(), ...this.shutdown.problems()],
        metrics: this.metrics,
        ...(options.server?.enableServer && { port: options.server.port }),
      },
    );
  }

  #devicesOf(options: KubeletOptions): NodeDevices {
    const { kubeletRoot, log } = options;
    const { events, traces, metrics, clock } = this;
    return new NodeDevices({
      kubeletRoot,
      bootId: (options.machine ?? readMachineFacts()).bootId,
      resourceManagers: () => this.resourceManagers,
      activePods: () => this.workers.activePods(),
      nameOfPod: (uid) => this.#nameOfPod(uid),
      onChange: () => this.node.presence.lookNow(),
      warn: (reason, message) => {
        log.warn({ reason }, message);
        events.recordNode('Warning', reason, message);
      },
      tapOf: (resource) => traces.tap(resource, 'device'),
      metrics,
      clock,
      log,
    });
  }

  #nameOfPod(uid: string): string | undefined {
    const pod = this.workers.get(uid)?.pod ?? this.memories.restored(uid)?.pod;
    return pod && fullNameOf(pod);
  }

  #volumesOf(options: KubeletOptions): NodeVolumes {
    const { directories, metrics, clock } = this;
    const { objects, allocatable, userNamespaces } = this.environment;
    return new NodeVolumes({
      ...options,
      directories,
      objects,
      allocatable,
      metrics,
      clock,
      onRemoved: (uid) => userNamespaces.release(uid),
    });
  }

  #workersOf({ kubeletRoot }: KubeletOptions, create: WorkerFactory['create']): PodWorkers {
    const { clock, memories, directories } = this;
    return new PodWorkers({
      clock,
      remembered: memories,
      kubeletRoot,
      create,
      asAdmitted: (pod) => this.runtimes.admit(pod).pod,
      begunBefore: (pod) => memories.restored(uidOf(pod)) !== undefined || existsSync(directories.podDirectory(pod)),
      onFinished: (pod) => this.#finished(pod),
      onOrphan: () => this.metrics.orphanedRuntimePods.inc(),
      onRestarted: (pod) => this.metrics.containerStarts.restarted(isStaticPod(pod)),
    });
  }

  #finished(pod: Pod): void {
    this.events.forget(uidOf(pod));
    this.memories.forget(uidOf(pod));
    this.reports.ended(pod);
  }

  #hostOf(options: KubeletOptions, kubelet: ShownKubelet): KubeletHost {
    const { runtimes, directories, traces, metrics, clock } = this;
    return new KubeletHost({ ...options, kubelet, runtimes, directories, traces, metrics, clock, cgroups: this.node.cgroups });
  }

  #resourceManagersOf(options: KubeletOptions): ResourceManagers {
    const { runtimes, workers, memories, devices, metrics, clock } = this;
    const managers = { ...defaultResourceManagers, ...options.resourceManagers };
    const node: ManagedNode = {
      pods: () => workers.pods(),
      holders: () => [...workers.activePods(), ...workers.waiting(), ...memories.restoredPods()],
      sourcesReady: () => this.loop.sourcesReady,
      runtime: (handler) => runtimes.get(handler),
      metrics,
      clock,
      log: options.log,
    };
    return new ResourceManagers(managers, options.kubeletRoot, node, [devices.manager.reservations]);
  }

  #evictionOf(options: KubeletOptions, stats: StatsProvider): EvictionManager {
    const { workers, events, metrics, clock } = this;
    return new EvictionManager(
      { ...defaultEviction, ...options.eviction },
      {
        stats,
        reclaim: {
          removeUnusedContainers: (signal) => this.gc.removeUnusedContainers(signal),
          removeUnusedImages: (signal) => this.gc.removeUnusedImages(signal),
        },
        activePods: () => workers.activePods(),
        sourcesReady: () => this.loop.sourcesReady,
        evict: (pod, eviction) => workers.evict(pod, eviction),
        warn: (reason, message) => events.recordNode('Warning', reason, message),
        inCluster: options.cluster !== undefined,
        metrics,
        clock,
        log: options.log,
      },
    );
  }

  #factoryOf({ admitResize, log }: KubeletOptions, starts: PodStartLatency): WorkerFactory {
    const { runtimes, node, resourceManagers, devices, environment, directories, volumes, memories, events, traces, metrics, clock } = this;
    const { requestTimeoutMs } = this;
    return new WorkerFactory({
      runtimes,
      node,
      resourceManagers,
      devices: devices.manager,
      environment,
      directories,
      volumes,
      admission: this.#admission(),
      readmission: new PodAdmission([resourceManagers.ofRunning]),
      memories,
      probes: new Probes({ registry: metrics.probes, events, requestTimeoutMs, clock }),
      events,
      traces,
      metrics,
      starts,
      clock,
      log,
      backOff: this.backOff,
      requestTimeoutMs,
      admitResize,
      activePods: () => this.workers.activePods(),
      statusOf: (pod) => this.workers.get(uidOf(pod))?.status,
      onStatus: (pod, status) => {
        this.reports.changed(pod, status);
        this.workers.retryResizes(uidOf(pod));
      },
    });
  }

  /** In the order of asking: each sees only what those before it would take. */
  #admission(): PodAdmission {
    return new PodAdmission([
      this.shutdown.admitHandler,
      unsupportedFields,
      this.eviction,
      hostPorts,
      ...this.environment.admitHandlers,
      this.resourceManagers,
      // What may end other pods is asked last.
      ...this.node.admitHandlers,
    ]);
  }

  #loopOf({ sources, intervals, evented, log }: KubeletOptions): SyncLoop {
    const { clock, metrics } = this;
    return new SyncLoop({
      sources: [...sources, ...(this.cluster ? [this.cluster.source] : [])],
      runtimes: this.runtimes.all(),
      workers: this.workers,
      intervals: { ...defaultIntervals, ...intervals },
      log,
      clock,
      evented,
      metrics,
      onStall: (seconds) => metrics.syncLoopLongestStall.set(seconds),
      onUpdate: () => this.reports.sourceRead(),
      onHousekeeping: () => {
        this.node.housekeep();
        this.resourceManagers.releaseEnded();
        this.volumes.sweep((uid) => this.loop.knows(uid));
      },
    });
  }

  #gcOf(options: KubeletOptions): NodeGc {
    return new NodeGc(options, {
      runtimes: this.runtimes.all(),
      kubeletRoot: options.kubeletRoot,
      isKnown: (uid) => !this.loop.sourcesReady || this.workers.knows(uid),
      warn: (reason, message) => this.events.recordNode('Warning', reason, message),
      metrics: this.metrics,
      clock: this.clock,
      log: options.log,
    });
  }
}
