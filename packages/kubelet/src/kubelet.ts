import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event, Pod, PodStatus } from '@berth/api/objects';
import { onAbort } from '@berth/sdk/abort';
import type { ActionContext } from './actions/action-context.ts';
import { hostPorts } from './admission/host-ports.ts';
import { leftOutFields } from './admission/left-out-fields.ts';
import { PodAdmission } from './admission/pod-admission.ts';
import { unsupportedFields } from './admission/unsupported-fields.ts';
import type { ClusterApi } from './api/cluster-api.ts';
import { type Clock, systemClock } from './clock.ts';
import { endPods } from './end-pods.ts';
import { type Explanation, explain } from './explain/explanation.ts';
import { NodeGc, type NodeGcOptions } from './gc/node-gc.ts';
import { KubeletNode, type KubeletNodeOptions } from './kubelet-node.ts';
import { ContainerLogManager } from './logs/container-log-manager.ts';
import { defaultLogRotation } from './logs/log-rotation.ts';
import { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import { PodStartLatency } from './metrics/pod-start-latency.ts';
import { type EnvironmentOptions, NodeEnvironment } from './node-environment.ts';
import { type BackOff, defaultBackOff } from './plan/back-off.ts';
import type { Refusal } from './plan/observed-pod.ts';
import { apiTime, fullNameOf, specOf, uidOf } from './pod.ts';
import { PodDirectories } from './pod-directories.ts';
import { PodEvents } from './pod-events.ts';
import { PodWorker } from './pod-worker.ts';
import { PodWorkers } from './pod-workers.ts';
import { Probes } from './probes/pod-probes.ts';
import type { ResizeAdmission } from './resize/resize-admission.ts';
import { NodeRuntimes, type NodeRuntimesOptions } from './runtime/node-runtimes.ts';
import type { RuntimeClient } from './runtime/runtime-client.ts';
import { KubeletHost, type ServingOptions } from './server/kubelet-host.ts';
import { KubeletServer } from './server/server.ts';
import { ClusterPods } from './sources/cluster-pods.ts';
import type { PodSource } from './sources/pod-source.ts';
import { defaultIntervals, type Intervals, SyncLoop } from './sync-loop.ts';
import { PodTraces } from './trace/pod-traces.ts';
import { NodeVolumes, type VolumeOptions } from './volumes/node-volumes.ts';

/** What a kubelet is made of. Times and back-off are for tests; their defaults are kubelet's. */
export interface KubeletOptions
  extends NodeRuntimesOptions,
    EnvironmentOptions,
    NodeGcOptions,
    VolumeOptions,
    KubeletNodeOptions,
    ServingOptions {
  /** RUN: `kubelet.sock` is made here. */
  run: string;
  /** Containers' logs: `NAMESPACE_NAME_UID/CONTAINER/RESTART.log` below. */
  podLogsDir: string;
  /** The node's address; default the host's first one. */
  nodeIP?: string;
  sources: PodSource[];
  /** The cluster that the node belongs to; undefined: none. */
  cluster?: ClusterApi;
  /** False: runtimes are listed and not asked for events (the feature gate EventedPLEG). Default true. */
  evented?: boolean;
  /** The traces that the runtimes' connections have their taps from. */
  traces?: PodTraces;
  /** How long a runtime may take to answer, the grace period of a stop coming on top. Default 2 minutes, kubelet's. */
  runtimeRequestTimeoutMs?: number;
  /** Default: a running pod gets whatever it asks for. */
  admitResize?: ResizeAdmission;
  clock?: Clock;
  backOff?: Partial<BackOff>;
  intervals?: Partial<Intervals>;
}

/** How a kubelet ends. */
interface StopOptions {
  /** End all pods and remove what they had; else they run on, and the next kubelet takes them over. */
  gracefully: boolean;
  /** Ends the pods' grace periods, and waits only a little longer for runtimes that don't answer. */
  hurry?: AbortSignal;
}

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
  readonly #environment: NodeEnvironment;
  readonly #volumes: NodeVolumes;
  readonly #admission: PodAdmission;
  readonly #workers: PodWorkers;
  readonly #cluster: ClusterPods | undefined;
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
    this.#events = new PodEvents(this.#clock, options.nodeName);
    this.#traces = options.traces ?? new PodTraces();
    this.#metrics = options.metrics ?? new KubeletMetrics(options);
    this.#probes = new Probes({
      registry: this.#metrics.probes,
      events: this.#events,
      requestTimeoutMs: this.#requestTimeoutMs(),
      clock: this.#clock,
    });
    this.#directories = new PodDirectories(options.kubeletRoot, options.podLogsDir);
    this.#node = new KubeletNode(options, () => this.#workers);
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
    // What may end other pods is asked last.
    this.#admission = new PodAdmission([unsupportedFields, hostPorts, ...this.#environment.admitHandlers, ...this.#node.admitHandlers]);
    this.#workers = new PodWorkers({
      kubeletRoot: options.kubeletRoot,
      create: (pod, handler) => this.#createWorker(pod, handler),
      asAdmitted: (pod) => this.#runtimes.admit(pod).pod,
      begunBefore: (pod) => existsSync(this.#directories.podDirectory(pod)),
      onFinished: (pod) => this.#forget(pod),
    });
    const { cluster: api, nodeName, log } = options;
    this.#cluster = api && new ClusterPods({ api, nodeName, log, clock: this.#clock });
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
    const parts = { ...options, kubelet: this, runtimes: this.#runtimes, directories: this.#directories, clock: this.#clock };
    this.#logs = new ContainerLogManager(parts, { ...defaultLogRotation, ...options.logRotation });
    const { cgroups } = this.#node;
    const node = new KubeletHost({ ...parts, cgroups, traces: this.#traces, metrics: this.#metrics });
    this.#server = new KubeletServer({ ...parts, path: join(options.run, 'kubelet.sock'), node, ports: options.server });
  }

  /** Serves, and begins to run pods. */
  async start(): Promise<void> {
    await mkdir(this.#options.kubeletRoot, { recursive: true, mode: 0o750 });
    await mkdir(this.#options.podLogsDir, { recursive: true });
    await this.#server.listen();
    this.#gc.start();
    const { signal } = this.#loopEnd;
    onAbort(
      [signal],
      this.#environment.objects.onChange((...object) => this.#workers.objectChanged(...object)),
    );
    this.#loopDone = Promise.all([this.#loop.run(signal), this.#cluster?.run(signal), this.#logs.run(signal)]);
  }

  /** Ends the kubelet. Gives a message for each pod that didn't end. */
  async stop({ gracefully, hurry }: StopOptions): Promise<string[]> {
    const left = gracefully ? await endPods(this.#workers, { clock: this.#clock, requestTimeoutMs: this.#requestTimeoutMs(), hurry }) : [];
    if (gracefully) await this.#node.cgroups?.removeRoot();
    await this.#workers.haltAll();
    this.#loopEnd.abort();
    await this.#loopDone;
    await this.#gc.stop();
    await this.#volumes.settled();
    await this.#server.close();
    return left;
  }

  /** Every pod with spec and status. */
  pods(): Pod[] {
    const running = this.#workers.all().filter((worker) => specOf(worker.pod).containers.length > 0);
    const waiting: Pod[] = this.#workers.waiting().map((pod) => ({ ...pod, status: { phase: 'Pending' } }));
    return [...running.map(podOf), ...waiting];
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

  /** How long the sync loop was held up at worst, in seconds. */
  longestStallSeconds(): number {
    return this.#loop.stalls.longestSeconds;
  }

  events(): Event[] {
    return this.#events.list();
  }

  /** Called with each pod whose status has changed or that has ended, and without one when a source has been read. The returned function takes it back. */
  onStatus(listener: StatusListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #createWorker(asked: Pod, foundIn: string | undefined): PodWorker {
    const found = foundIn === undefined ? this.#runtimes.admit(asked) : { pod: asked, client: this.#runtimes.get(foundIn) };
    const { pod, client, refusal = this.#admit(pod) } = found;
    const warnings = [...leftOutFields(pod), ...(refusal ? [refusal] : [])];
    for (const { reason, message } of warnings) this.#events.record(pod, 'Warning', reason, message);
    const worker = new PodWorker({
      context: this.#contextOf(pod, client),
      probes: this.#probes,
      admitResize: this.#options.admitResize ?? (() => undefined),
      backOff: { ...defaultBackOff, ...this.#options.backOff },
      clock: this.#clock,
      log: this.#options.log,
      metrics: this.#metrics,
      hostIP: this.#options.nodeIP ?? this.#environment.hostIPs()[0],
      refusal,
      onStatus: (current, status) => this.#tell(current, status),
    });
    this.#starts.seen(pod);
    this.#traces.register(worker.trace.traceId, fullNameOf(pod));
    return worker;
  }

  #admit(pod: Pod): Refusal | undefined {
    return this.#admission.admit({ pod, others: this.#workers.activePods() });
  }

  /** How far the pod has come, and what it waits for. */
  explain(pod: Pod): Explanation {
    const worker = this.#workers.get(uidOf(pod));
    const trace = this.#traces.of(fullNameOf(pod)) ?? { records: [], open: [], sandboxIds: [] };
    const backOff = { ...defaultBackOff, ...this.#options.backOff };
    return explain({ pod, observed: worker?.observed, trace, answers: worker?.answers ?? [], backOff }, this.#clock.now());
  }

  #contextOf(pod: Pod, client: RuntimeClient): ActionContext {
    return {
      pod,
      client,
      directories: this.#directories,
      volumes: this.#volumes.ofPods,
      cgroups: this.#node.cgroups,
      events: this.#events,
      environment: this.#environment,
      containerResources: () => this.#node.containerResources(),
      requestTimeoutMs: this.#requestTimeoutMs(),
      podIP: () => this.#workers.get(uidOf(pod))?.status.podIP,
    };
  }

  #requestTimeoutMs(): number {
    return this.#options.runtimeRequestTimeoutMs ?? defaultRequestTimeoutMs;
  }

  #forget(pod: Pod): void {
    this.#starts.forget(pod);
    this.#events.forget(uidOf(pod));
    this.#cluster?.ended(pod);
    this.#cluster?.show(this.pods());
    this.#tell(pod);
  }

  #tellAll(): void {
    this.#cluster?.show(this.pods());
    for (const listener of this.#listeners) listener();
  }

  #tell(pod: Pod, status: PodStatus | undefined = this.#workers.get(uidOf(pod))?.status): void {
    this.#starts.told(pod, status);
    for (const listener of this.#listeners) listener({ ...pod, status });
  }
}

/** A worker's pod with its status; one that is ending says since when. */
function podOf({ pod, status, terminatingSince }: PodWorker): Pod {
  if (!terminatingSince) return { ...pod, status };
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: apiTime(terminatingSince) }, status };
}
