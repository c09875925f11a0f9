import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Event, Pod, PodStatus } from '@berth/api/objects';
import { onAbort } from '@berth/sdk/abort';
import { ExecSyncRequest, type ExecSyncResponse } from '@berth/sdk/cri';
import type { Logger } from 'pino';
import type { ActionContext } from './actions/action-context.ts';
import { hostPorts } from './admission/host-ports.ts';
import { leftOutFields } from './admission/left-out-fields.ts';
import { PodAdmission } from './admission/pod-admission.ts';
import { unsupportedFields } from './admission/unsupported-fields.ts';
import { NodeCgroups } from './cgroup/node-cgroups.ts';
import { type Clock, systemClock } from './clock.ts';
import type { TopologyRoots } from './machine/read-machine-topology.ts';
import { type EnvironmentOptions, NodeEnvironment } from './node-environment.ts';
import { type BackOff, defaultBackOff } from './plan/back-off.ts';
import type { Refusal } from './plan/observed-pod.ts';
import { apiTime, fullNameOf, gracePeriodOf, specOf, uidOf } from './pod.ts';
import { PodDirectories } from './pod-directories.ts';
import { PodEvents } from './pod-events.ts';
import { PodWorker } from './pod-worker.ts';
import { PodWorkers } from './pod-workers.ts';
import { NodeRuntimes, type NodeRuntimesOptions } from './runtime/node-runtimes.ts';
import type { RuntimeClient } from './runtime/runtime-client.ts';
import { RuntimeSessions } from './runtime/runtime-sessions.ts';
import { KubeletServer } from './server/server.ts';
import type { PodSource } from './sources/pod-source.ts';
import { NodeStatsProvider } from './stats/node-stats-provider.ts';
import { defaultIntervals, type Intervals, SyncLoop } from './sync-loop.ts';
import { defaultResourceManagers, ResourceManagers, type ResourceManagersOptions } from './topology-manager/resource-managers.ts';
import { PodTraces } from './trace/pod-traces.ts';

/** What a kubelet is made of. Times and back-off are for tests; their defaults are kubelet's. */
export interface KubeletOptions extends NodeRuntimesOptions, EnvironmentOptions {
  nodeName: string;
  /** RUN: `kubelet.sock` is made here. */
  run: string;
  /** Pods' directories are below, `pods/UID/volumes/...`. */
  kubeletRoot: string;
  /** Containers' logs: `NAMESPACE_NAME_UID/CONTAINER/RESTART.log` below. */
  podLogsDir: string;
  /** The node's address; default the host's first one. */
  nodeIP?: string;
  sources: PodSource[];
  /** The parent of all pods' cgroups in cgroupfs notation, `/berth`, which is `berth.slice` for runtimes with systemd; undefined: no cgroups are made or asked for. */
  cgroupRoot?: string;
  /** CPU, memory and topology manager; by default none of them does anything. */
  resourceManagers?: Partial<ResourceManagersOptions>;
  /** Where the managers look for CPUs and memory; tests have machines of their own. */
  topologyRoots?: TopologyRoots;
  log: Logger;
  /** The traces that the runtimes' connections have their taps from. */
  traces?: PodTraces;
  /** How long a runtime may take to answer, the grace period of a stop coming on top. Default 2 minutes, kubelet's. */
  runtimeRequestTimeoutMs?: number;
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
/** What a pod's end may take besides its grace period and the runtime's answers. */
const stopMarginMs = 10_000;

/** The node agent: takes pods from its sources and keeps them running in the runtimes, over CRI. */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #runtimes: NodeRuntimes;
  readonly #clock: Clock;
  readonly #events: PodEvents;
  readonly #traces: PodTraces;
  readonly #directories: PodDirectories;
  readonly #cgroups: NodeCgroups | undefined;
  readonly #managers: ResourceManagers;
  readonly #environment: NodeEnvironment;
  readonly #admission: PodAdmission;
  readonly #workers: PodWorkers;
  readonly #loop: SyncLoop;
  readonly #server: KubeletServer;
  readonly #listeners = new Set<StatusListener>();
  readonly #loopEnd = new AbortController();
  #loopDone: Promise<unknown> | undefined;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#runtimes = new NodeRuntimes(options);
    this.#clock = options.clock ?? systemClock;
    this.#events = new PodEvents(this.#clock, options.nodeName);
    this.#traces = options.traces ?? new PodTraces();
    this.#directories = new PodDirectories(options.kubeletRoot, options.podLogsDir);
    this.#cgroups = options.cgroupRoot === undefined ? undefined : new NodeCgroups(options.cgroupRoot);
    this.#managers = this.#managersOf(options);
    this.#environment = new NodeEnvironment(options.kubeletRoot, options);
    this.#admission = new PodAdmission([unsupportedFields, hostPorts, ...this.#environment.admitHandlers, this.#managers]);
    this.#workers = new PodWorkers({
      kubeletRoot: options.kubeletRoot,
      create: (pod, handler) => this.#createWorker(pod, handler),
      begunBefore: (pod) => existsSync(this.#directories.podDirectory(pod)),
      onFinished: (pod) => this.#forget(pod),
    });
    this.#loop = new SyncLoop({
      sources: options.sources,
      runtimes: this.#runtimes.all(),
      workers: this.#workers,
      intervals: { ...defaultIntervals, ...options.intervals },
      log: options.log,
      onUpdate: () => this.#tellAll(),
    });
    this.#server = new KubeletServer(join(options.run, 'kubelet.sock'), {
      pods: () => this.pods(),
      events: () => this.events(),
      stats: this.#statsOf(options),
      execSync: (container, command, signal) => this.#execSync(container, command, signal),
      sessions: new RuntimeSessions(this.#runtimes),
      trace: (pod) => this.#traces.of(fullNameOf(pod)),
      logDirectory: (pod) => this.#directories.logDirectory(pod),
    });
  }

  /** Serves, and begins to run pods. */
  async start(): Promise<void> {
    await mkdir(this.#options.kubeletRoot, { recursive: true, mode: 0o750 });
    await mkdir(this.#options.podLogsDir, { recursive: true });
    await this.#managers.start({ cpu: 0n, memory: 0n }, this.#options.topologyRoots);
    await this.#server.listen();
    const { signal } = this.#loopEnd;
    this.#loopDone = Promise.all([this.#loop.run(signal), this.#managers.run(signal)]);
  }

  /** Ends the kubelet. Gives a message for each pod that didn't end. */
  async stop({ gracefully, hurry }: StopOptions): Promise<string[]> {
    const left = gracefully ? await this.#endPods(hurry) : [];
    await this.#workers.haltAll();
    this.#loopEnd.abort();
    await this.#loopDone;
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

  events(): Event[] {
    return this.#events.list();
  }

  /** Called with each pod whose status has changed or that has ended, and without one when a source has been read. The returned function takes it back. */
  onStatus(listener: StatusListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends the pods, and gives a message for each that didn't end in time. */
  async #endPods(hurry: AbortSignal | undefined): Promise<string[]> {
    await this.#withinStopLimit(this.#workers.terminateAll(hurry), hurry);
    await this.#cgroups?.removeRoot();
    const left = this.#workers.all().filter((worker) => worker.begun && !worker.finished);
    return left.map(({ pod, status }) => `pod ${fullNameOf(pod)} didn't end: ${status.message ?? 'no reason known'}`);
  }

  /** Until `end` resolves, or has taken longer than the pods and their runtimes may; in a hurry, than the margin. */
  async #withinStopLimit(end: Promise<void>, hurry: AbortSignal | undefined): Promise<void> {
    const graces = this.#workers.all().map(({ pod }) => gracePeriodOf(pod) * 1000);
    const limitMs = Math.max(0, ...graces) + this.#requestTimeoutMs() + stopMarginMs;
    const limit = Promise.withResolvers<void>();
    const cancels = [this.#clock.after(limitMs, limit.resolve)];
    const unsubscribe = onAbort([hurry], () => cancels.push(this.#clock.after(stopMarginMs, limit.resolve)));
    await Promise.race([end, limit.promise]);
    unsubscribe();
    for (const cancel of cancels) cancel();
  }

  #createWorker(asked: Pod, foundIn: string | undefined): PodWorker {
    const found = foundIn === undefined ? this.#runtimes.admit(asked) : { pod: asked, client: this.#runtimes.get(foundIn) };
    const { pod, client, refusal = this.#admit(pod) } = found;
    const warnings = [...leftOutFields(pod), ...(refusal ? [refusal] : [])];
    for (const { reason, message } of warnings) this.#events.record(pod, 'Warning', reason, message);
    const worker = new PodWorker({
      context: this.#contextOf(pod, client),
      backOff: { ...defaultBackOff, ...this.#options.backOff },
      clock: this.#clock,
      log: this.#options.log,
      hostIP: this.#options.nodeIP ?? this.#environment.hostIPs()[0],
      refusal,
      onStatus: (current, status) => this.#tell(current, status),
    });
    this.#traces.register(worker.trace.traceId, fullNameOf(pod));
    return worker;
  }

  #admit(pod: Pod): Refusal | undefined {
    return this.#admission.admit({ pod, others: this.#workers.activePods() });
  }

  #contextOf(pod: Pod, client: RuntimeClient): ActionContext {
    return {
      pod,
      client,
      directories: this.#directories,
      cgroups: this.#cgroups,
      events: this.#events,
      assignmentOf: (container) => this.#managers.assignmentOf(pod, container),
      environment: this.#environment,
      nodeMemory: BigInt(totalmem()),
      requestTimeoutMs: this.#requestTimeoutMs(),
    };
  }

  #managersOf({ kubeletRoot, resourceManagers, log }: KubeletOptions): ResourceManagers {
    return new ResourceManagers({ ...defaultResourceManagers, ...resourceManagers }, kubeletRoot, {
      pods: () => this.pods(),
      holders: () => [...this.#workers.activePods(), ...this.#workers.waiting()],
      sourcesReady: () => this.sourcesReady(),
      runtime: (handler) => this.#runtimes.get(handler),
      clock: this.#clock,
      log,
    });
  }

  #statsOf({ nodeName, log, cgroupRoot }: KubeletOptions): NodeStatsProvider {
    return new NodeStatsProvider({
      nodeName,
      log,
      directories: this.#directories,
      runtimes: this.#runtimes,
      clock: this.#clock,
      pods: () => this.pods(),
      cgroupOf: async (pod, client, signal) => (await this.#cgroups?.of(client, signal))?.parentOf(uidOf(pod)),
      systemCgroups: { ...(cgroupRoot !== undefined && { podsCgroup: cgroupRoot }) },
    });
  }

  /** No deadline but the client's: a command takes as long as it takes. */
  async #execSync({ handler, id }: { handler: string; id: string }, cmd: string[], signal: AbortSignal): Promise<ExecSyncResponse> {
    return this.#runtimes
      .get(handler)
      .runtime.execSync(ExecSyncRequest.create({ containerId: id, cmd }), { signal, deadlineMs: Number.POSITIVE_INFINITY });
  }

  #requestTimeoutMs(): number {
    return this.#options.runtimeRequestTimeoutMs ?? defaultRequestTimeoutMs;
  }

  #forget(pod: Pod): void {
    this.#events.forget(uidOf(pod));
    this.#tell(pod);
  }

  #tellAll(): void {
    for (const listener of this.#listeners) listener();
  }

  #tell(pod: Pod, status: PodStatus | undefined = this.#workers.get(uidOf(pod))?.status): void {
    for (const listener of this.#listeners) listener({ ...pod, status });
  }
}

/** A worker's pod with its status; one that is ending says since when. */
function podOf({ pod, status, terminatingSince }: PodWorker): Pod {
  if (!terminatingSince) return { ...pod, status };
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: apiTime(terminatingSince) }, status };
}
