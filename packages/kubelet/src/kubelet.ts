import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event, Node, Pod, PodStatus } from '@berth/api/objects';
import { neverAborted, onAbort } from '@berth/sdk/abort';
import type { ActionContext } from './actions/action-context.ts';
import { hostPorts } from './admission/host-ports.ts';
import { PodAdmission } from './admission/pod-admission.ts';
import { unsupportedFields } from './admission/unsupported-fields.ts';
import { PodMemories } from './checkpoint/pod-memories.ts';
import { memoryOf } from './checkpoint/pod-memory.ts';
import { type Clock, systemClock } from './clock.ts';
import { endPods } from './end-pods.ts';
import { explainPod } from './explain/explain-pod.ts';
import type { Explanation } from './explain/explanation.ts';
import { NodeGc } from './gc/node-gc.ts';
import { KubeletNode } from './kubelet-node.ts';
import type { KubeletOptions, StopOptions } from './kubelet-options.ts';
import { ContainerLogManager } from './logs/container-log-manager.ts';
import { defaultLogRotation } from './logs/log-rotation.ts';
import { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import { PodStartLatency } from './metrics/pod-start-latency.ts';
import { NodeEnvironment } from './node-environment.ts';
import { type BackOff, defaultBackOff } from './plan/back-off.ts';
import type { Refusal } from './plan/observed-pod.ts';
import { fullNameOf, uidOf } from './pod.ts';
import { PodDirectories } from './pod-directories.ts';
import { PodEvents } from './pod-events.ts';
import { PodWorker } from './pod-worker.ts';
import { PodWorkers } from './pod-workers.ts';
import { Probes } from './probes/pod-probes.ts';
import { ClusterReports } from './reports/cluster-reports.ts';
import { ResourceKeeping } from './resource-keeping.ts';
import { NodeRuntimes } from './runtime/node-runtimes.ts';
import type { RuntimeClient } from './runtime/runtime-client.ts';
import { KubeletHost } from './server/kubelet-host.ts';
import { KubeletServer } from './server/server.ts';
import { NodeShutdown } from './shutdown/node-shutdown.ts';
import { ClusterPods } from './sources/cluster-pods.ts';
import type { StatsProvider } from './stats/stats-provider.ts';
import { defaultIntervals, SyncLoop } from './sync-loop.ts';
import { PodTraces } from './trace/pod-traces.ts';
import { NodeVolumes } from './volumes/node-volumes.ts';

export type { KubeletOptions } from './kubelet-options.ts';

type StatusListener = (pod?: Pod) => void;

const defaultRequestTimeoutMs = 2 * 60 * 1000;

/** The node agent: takes pods from its sources and keeps them running in the runtimes, over CRI. */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #runtimes: NodeRuntimes;
  readonly #clock: Clock;
  readonly #events: PodEvents;
  readonly #traces: PodTraces;
  readonly #probes: Probes;
  readonly #directories: PodDirectories;
  readonly #node: KubeletNode;
  readonly #keeping: ResourceKeeping;
  readonly #environment: NodeEnvironment;
  readonly #volumes: NodeVolumes;
  readonly #shutdown: NodeShutdown;
  readonly #admission: PodAdmission;
  readonly #memories: PodMemories;
  readonly #workers: PodWorkers;
  readonly #cluster: ClusterPods | undefined;
  readonly #reports: ClusterReports | undefined;
  readonly #loop: SyncLoop;
  readonly #metrics: KubeletMetrics;
  readonly #starts: PodStartLatency;
  readonly #logs: ContainerLogManager;
  readonly #server: KubeletServer;
  readonly #gc: NodeGc;
  readonly #listeners = new Set<StatusListener>();
  readonly #loopEnd = new AbortController();
  #loopDone: Promise<unknown> | undefined;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#runtimes = new NodeRuntimes(options);
    this.#clock = options.clock ?? systemClock;
    this.#events = new PodEvents(this.#clock, options.nodeName, (event) => this.#reports?.event(event));
    this.#traces = options.traces ?? new PodTraces();
    this.#metrics = options.metrics ?? new KubeletMetrics(options);
    this.#probes = new Probes({
      registry: this.#metrics.probes,
      events: this.#events,
      requestTimeoutMs: this.#requestTimeoutMs(),
      clock: this.#clock,
    });
    this.#directories = new PodDirectories(options.kubeletRoot, options.podLogsDir);
    const pressure = { pressure: () => this.#keeping.pressure() };
    this.#node = new KubeletNode(
      { pressure, ...options },
      {
        runtime: this.#runtimes.default,
        pods: () => this.#workers,
        unhealthy: () => this.unhealthy(),
        ...(options.server?.enableServer && { port: options.server.port }),
      },
    );
    this.#environment = new NodeEnvironment(options, { clock: this.#clock, allocatable: () => this.#node.resources.allocatable() });
    const { objects, allocatable, userNamespaces } = this.#environment;
    this.#volumes = new NodeVolumes({
      ...options,
      directories: this.#directories,
      objects,
      allocatable,
      clock: this.#clock,
      onRemoved: (uid) => userNamespaces.release(uid),
    });
    this.#shutdown = new NodeShutdown(options, this.#clock, () => this.#workers.all());
    this.#memories = new PodMemories(join(options.kubeletRoot, 'pod-memories'), options.log);
    this.#workers = new PodWorkers({
      clock: this.#clock,
      remembered: this.#memories,
      kubeletRoot: options.kubeletRoot,
      create: (pod, handler) => this.#createWorker(pod, handler),
      asAdmitted: (pod) => this.#runtimes.admit(pod).pod,
      begunBefore: (pod) => this.#memories.restored(uidOf(pod)) !== undefined || existsSync(this.#directories.podDirectory(pod)),
      onFinished: (pod) => this.#forget(pod),
    });
    const parts = { ...options, kubelet: this, runtimes: this.#runtimes, directories: this.#directories, clock: this.#clock };
    const { cgroups } = this.#node;
    const node = new KubeletHost({ ...parts, cgroups, traces: this.#traces, metrics: this.#metrics });
    this.#keeping = this.#keepingOf(options, node.stats);
    this.#node.cgroups?.exempt((pod) => this.#keeping.hasExclusiveCpus(pod));
    const { first, last } = this.#keeping.admitHandlers;
    this.#admission = new PodAdmission([
      this.#shutdown.admitHandler,
      unsupportedFields,
      first,
      hostPorts,
      ...this.#environment.admitHandlers,
      last,
      // What may end other pods is asked last.
      ...this.#node.admitHandlers,
    ]);
    const { cluster: api, nodeName, log } = options;
    this.#cluster = api && new ClusterPods({ api, nodeName, log, clock: this.#clock });
    this.#reports = api && new ClusterReports({ api, log, clock: this.#clock, inApi: (pod) => this.#cluster?.inApi(pod) });
    this.#starts = new PodStartLatency(this.#metrics, this.#clock, (pod) => this.#traces.pullSeconds(fullNameOf(pod)));
    this.#loop = new SyncLoop({
      sources: [...options.sources, ...(this.#cluster ? [this.#cluster.source] : [])],
      runtimes: this.#runtimes.all(),
      workers: this.#workers,
      intervals: { ...defaultIntervals, ...options.intervals },
      log: options.log,
      clock: this.#clock,
      evented: options.evented,
      metrics: this.#metrics,
      onStall: (seconds) => this.#metrics.syncLoopLongestStall.set(seconds),
      onUpdate: () => this.#tellAll(),
      onHousekeeping: () => {
        this.#node.housekeep();
        this.#volumes.sweep((uid) => this.#loop.knows(uid));
      },
    });
    this.#gc = new NodeGc(options, {
      runtimes: this.#runtimes.all(),
      kubeletRoot: options.kubeletRoot,
      isKnown: (uid) => !this.#loop.sourcesReady || this.#workers.knows(uid),
      warn: (reason, message) => this.#events.recordNode('Warning', reason, message),
      clock: this.#clock,
      log,
    });
    this.#logs = new ContainerLogManager(parts, { ...defaultLogRotation, ...options.logRotation });
    this.#server = new KubeletServer({ ...parts, path: join(options.run, 'kubelet.sock'), node, ports: options.server });
  }

  /** Serves, and begins to run pods. */
  async start(): Promise<void> {
    await mkdir(this.#options.kubeletRoot, { recursive: true, mode: 0o750 });
    await mkdir(this.#options.podLogsDir, { recursive: true });
    this.#memories.load();
    await this.#keeping.start();
    await this.#node.presence.start();
    await this.#server.listen();
    this.#gc.start();
    const { signal } = this.#loopEnd;
    onAbort(
      [signal],
      this.#environment.objects.onChange((...object) => this.#workers.objectChanged(...object)),
    );
    const parts = [this.#loop, this.#cluster, this.#reports, this.#logs, this.#node.presence, this.#keeping];
    this.#loopDone = Promise.all(parts.map((part) => part?.run(signal)));
  }

  /** Ends the kubelet. Gives a message for each pod that didn't end. */
  async stop({ gracefully, shutDown = false, hurry = neverAborted }: StopOptions): Promise<string[]> {
    const left = gracefully ? await endPods(this.#workers, { clock: this.#clock, requestTimeoutMs: this.#requestTimeoutMs(), hurry }) : [];
    if (gracefully) await this.#node.cgroups?.removeRoot();
    if (shutDown && this.#shutdown.enabled) left.push(...(await this.#shutdown.run(hurry)));
    await this.#workers.haltAll();
    this.#loopEnd.abort();
    await this.#loopDone;
    await this.#gc.stop();
    await this.#volumes.settled();
    await this.#memories.flush();
    await this.#server.close();
    return left;
  }

  /** Every pod with spec and status. */
  pods(): Pod[] {
    return this.#workers.pods();
  }

  /** What the sources couldn't make a pod of: a message each, with file, line and field. */
  sourceProblems(): string[] {
    return this.#loop.problems;
  }

  /** Every source has been read once: what `pods()` and `sourceProblems()` say is all there is. */
  sourcesReady(): boolean {
    return this.#loop.sourcesReady;
  }

  /** What is wrong with the sync loop or a runtime, a message each; none: the node is healthy, as far as that goes. */
  unhealthy(): string[] {
    return this.#loop.unhealthy();
  }

  events(): Event[] {
    return [...this.#events.list(), ...this.#node.presence.events()];
  }

  /** Called with each pod whose status has changed or that has ended, and without one when a source has been read. The returned function takes it back. */
  onStatus(listener: StatusListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #createWorker(asked: Pod, foundIn: string | undefined): PodWorker {
    const found = foundIn === undefined ? this.#runtimes.admit(asked) : { pod: asked, client: this.#runtimes.get(foundIn) };
    const restored = this.#memories.restored(uidOf(asked));
    // A pod that ran isn't asked again: what it was given is its own.
    const { pod, client, refusal = restored ? undefined : this.#admit(pod) } = found;
    if (refusal) this.#events.record(pod, 'Warning', refusal.reason, refusal.message);
    const worker = new PodWorker({
      context: this.#contextOf(pod, client),
      probes: this.#probes,
      admitResize: (changed) =>
        this.#keeping.refuseResize(changed) ?? (this.#options.admitResize ?? ((pod) => this.#node.admitResize(pod)))(changed),
      backOff: this.#backOff(),
      clock: this.#clock,
      log: this.#options.log,
      metrics: this.#metrics,
      hostIP: this.#options.nodeIP ?? this.#environment.hostIPs()[0],
      refusal,
      restored,
      onStatus: (current, status) => {
        if (!worker.finished) this.#memories.remember(uidOf(current), () => memoryOf(worker, this.#clock.now()));
        this.#tell(current, status);
      },
    });
    this.#starts.seen(pod);
    this.#traces.register(worker.trace.traceId, fullNameOf(pod));
    return worker;
  }

  #admit(pod: Pod): Refusal | undefined {
    return this.#admission.admit({ pod, others: this.#workers.activePods() });
  }

  /** The node's own object. */
  self(): Node {
    return this.#node.presence.node;
  }

  /** How far the pod has come, and what it waits for. */
  explain(pod: Pod): Explanation {
    return explainPod(pod, {
      worker: this.#workers.get(uidOf(pod)),
      traces: this.#traces,
      backOff: this.#backOff(),
      now: this.#clock.now(),
    });
  }

  #contextOf(pod: Pod, client: RuntimeClient): ActionContext {
    return {
      pod,
      client,
      directories: this.#directories,
      volumes: this.#volumes.ofPods,
      cgroups: this.#node.cgroups,
      events: this.#events,
      assignmentOf: (container) => this.#keeping.assignmentOf(pod, container),
      environment: this.#environment,
      containerResources: () => this.#node.containerResources(),
      requestTimeoutMs: this.#requestTimeoutMs(),
      podIP: () => this.#workers.get(uidOf(pod))?.status.podIP,
    };
  }

  #backOff(): BackOff {
    return { ...defaultBackOff, ...this.#options.backOff };
  }

  #keepingOf(options: KubeletOptions, stats: StatsProvider): ResourceKeeping {
    return new ResourceKeeping(options, {
      resources: this.#node.resources,
      runtimes: this.#runtimes,
      workers: this.#workers,
      events: this.#events,
      stats,
      clock: this.#clock,
      log: options.log,
      inCluster: options.cluster !== undefined,
      reclaim: {
        removeUnusedContainers: (signal) => this.#gc.removeUnusedContainers(signal),
        removeUnusedImages: (signal) => this.#gc.removeUnusedImages(signal),
      },
      pods: () => this.pods(),
      sourcesReady: () => this.sourcesReady(),
    });
  }

  #requestTimeoutMs(): number {
    return this.#options.runtimeRequestTimeoutMs ?? defaultRequestTimeoutMs;
  }

  #forget(pod: Pod): void {
    this.#starts.forget(pod);
    this.#events.forget(uidOf(pod));
    this.#memories.forget(uidOf(pod));
    this.#cluster?.ended(pod);
    this.#reports?.ended(pod);
    this.#cluster?.show(this.pods());
    this.#tell(pod);
  }

  #tellAll(): void {
    this.#cluster?.show(this.pods());
    for (const listener of this.#listeners) listener();
  }

  #tell(pod: Pod, status: PodStatus | undefined = this.#workers.get(uidOf(pod))?.status): void {
    if (status) this.#reports?.status({ ...pod, status });
    this.#starts.told(pod, status);
    for (const listener of this.#listeners) listener({ ...pod, status });
  }
}
