import { mkdir, readFile } from 'node:fs/promises';
import { networkInterfaces, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Event, Pod, PodStatus } from '@berth/api/objects';
import { type DNSConfig, ExecSyncRequest, type ExecSyncResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { ActionContext } from './actions/action-context.ts';
import { admit } from './admission.ts';
import { PodCgroups } from './cgroup/pod-cgroup.ts';
import { type Clock, systemClock } from './clock.ts';
import { parseResolvConf } from './cri/dns-config.ts';
import { type BackOff, defaultBackOff } from './plan/back-off.ts';
import type { Refusal } from './plan/pod-runtime.ts';
import { fullNameOf, gracePeriodOf, specOf, uidOf } from './pod.ts';
import { PodDirectories } from './pod-directories.ts';
import { PodEvents } from './pod-events.ts';
import { PodWorker } from './pod-worker.ts';
import { PodWorkers } from './pod-workers.ts';
import type { RuntimeClient } from './runtime/runtime-client.ts';
import { KubeletServer } from './server/server.ts';
import type { PodSource } from './sources/pod-source.ts';
import { defaultIntervals, type Intervals, SyncLoop } from './sync-loop.ts';
import { PodTraces } from './trace/pod-traces.ts';

export interface KubeletOptions {
  nodeName: string;
  /** RUN: `kubelet.sock` is made here. */
  run: string;
  /** Pods' directories are below, `pods/UID/volumes/...`. */
  kubeletRoot: string;
  /** Containers' logs: `NAMESPACE_NAME_UID/CONTAINER/RESTART.log` below. */
  podLogsDir: string;
  /** By handler. */
  runtimes: ReadonlyMap<string, RuntimeClient>;
  /** The handler of pods without a runtimeClassName. */
  defaultHandler: string;
  /** The handler of each RuntimeClass, by its name. */
  runtimeClasses: Record<string, string>;
  sources: PodSource[];
  /** The parent of all pods' cgroups in cgroupfs notation, `/berth`; undefined: no cgroups are made or asked for. */
  cgroupRoot?: string;
  log: Logger;
  /** The traces that the runtimes' connections have their taps from. */
  traces?: PodTraces;
  /** How long a runtime may take to answer, the grace period of a stop coming on top. Default 2 minutes, kubelet's. */
  runtimeRequestTimeoutMs?: number;
  clock?: Clock;
  backOff?: Partial<BackOff>;
  intervals?: Partial<Intervals>;
}

export interface StopOptions {
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
  readonly #clock: Clock;
  readonly #events: PodEvents;
  readonly #traces: PodTraces;
  readonly #directories: PodDirectories;
  readonly #cgroups: PodCgroups | undefined;
  readonly #workers: PodWorkers;
  readonly #loop: SyncLoop;
  readonly #server: KubeletServer;
  readonly #listeners = new Set<StatusListener>();
  readonly #loopEnd = new AbortController();
  #loopDone: Promise<void> | undefined;

  constructor(options: KubeletOptions) {
    if (!options.runtimes.has(options.defaultHandler)) throw unknownHandler(options);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#events = new PodEvents(this.#clock, options.nodeName);
    this.#traces = options.traces ?? new PodTraces();
    this.#directories = new PodDirectories(options.kubeletRoot, options.podLogsDir);
    this.#cgroups = options.cgroupRoot === undefined ? undefined : new PodCgroups(options.cgroupRoot);
    this.#workers = new PodWorkers({
      kubeletRoot: options.kubeletRoot,
      create: (pod, handler) => this.#createWorker(pod, handler),
      onFinished: (pod) => this.#forget(pod),
    });
    this.#loop = new SyncLoop({
      sources: options.sources,
      runtimes: [...options.runtimes.values()],
      workers: this.#workers,
      intervals: { ...defaultIntervals, ...options.intervals },
      log: options.log,
      onUpdate: () => this.#tellAll(),
    });
    this.#server = new KubeletServer(join(options.run, 'kubelet.sock'), {
      pods: () => this.pods(),
      events: () => this.events(),
      exec: (container, command, signal) => this.#exec(container, command, signal),
      trace: (pod) => this.#traces.of(fullNameOf(pod)),
      logDirectory: (pod) => this.#directories.logDirectory(pod),
    });
  }

  /** Serves, and begins to run pods. When `signal` aborts, the kubelet ends and the pods run on. */
  async start(signal?: AbortSignal): Promise<void> {
    await mkdir(this.#options.kubeletRoot, { recursive: true, mode: 0o750 });
    await mkdir(this.#options.podLogsDir, { recursive: true });
    await this.#server.listen();
    this.#loopDone = this.#loop.run(this.#loopEnd.signal);
    signal?.addEventListener('abort', () => void this.stop({ gracefully: false }), { once: true });
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

  async #endPods(hurry: AbortSignal | undefined): Promise<string[]> {
    const graces = this.#workers.all().map(({ pod }) => gracePeriodOf(pod) * 1000);
    const limitMs = Math.max(0, ...graces) + this.#requestTimeoutMs() + stopMarginMs;
    const limit = Promise.withResolvers<void>();
    const cancel = this.#clock.after(limitMs, limit.resolve);
    hurry?.addEventListener('abort', () => this.#clock.after(stopMarginMs, limit.resolve), { once: true });
    await Promise.race([this.#workers.terminateAll(hurry), limit.promise]);
    cancel();
    await this.#cgroups?.removeRoot();
    const left = this.#workers.all().filter((worker) => worker.begun && !worker.finished);
    return left.map(({ pod, status }) => `pod ${fullNameOf(pod)} didn't end: ${status.message ?? 'no reason known'}`);
  }

  #createWorker(pod: Pod, foundIn: string | undefined): PodWorker {
    const { client, refusal } = this.#runtimeOf(pod, foundIn);
    const admission = admit(pod);
    for (const { reason, message } of admission.warnings) this.#events.record(pod, 'Warning', reason, message);
    const refused = refusal ?? admission.refusal;
    if (refused) this.#events.record(pod, 'Warning', refused.reason, refused.message);
    const worker = new PodWorker({
      pod,
      context: this.#contextOf(pod, client),
      backOff: { ...defaultBackOff, ...this.#options.backOff },
      clock: this.#clock,
      log: this.#options.log,
      hostIP: hostAddress(),
      refusal: refused,
      onStatus: (status) => this.#tell(pod, status),
    });
    this.#traces.register(worker.trace.traceId, fullNameOf(pod));
    return worker;
  }

  /** A pod whose RuntimeClass nobody knows is refused; its worker needs a runtime all the same, to look for what it may have left. */
  #runtimeOf(pod: Pod, foundIn: string | undefined): { client: RuntimeClient; refusal?: Refusal } {
    const { runtimes, defaultHandler, runtimeClasses } = this.#options;
    const className = specOf(pod).runtimeClassName;
    const handler = foundIn ?? (className ? runtimeClasses[className] : defaultHandler);
    const client = handler === undefined ? undefined : runtimes.get(handler);
    if (client) return { client };
    const fallback = runtimes.get(defaultHandler);
    if (!fallback) throw unknownHandler(this.#options);
    const what =
      handler === undefined
        ? `RuntimeClass ${JSON.stringify(className)} not found`
        : `no runtime has the handler ${JSON.stringify(handler)}`;
    const classes = Object.keys(runtimeClasses).join(', ') || 'none';
    const message = `Pod was rejected: spec.runtimeClassName: ${what}; this node has the RuntimeClasses: ${classes}`;
    return { client: fallback, refusal: { reason: 'RuntimeClassNotFound', message } };
  }

  #contextOf(pod: Pod, client: RuntimeClient): ActionContext {
    return {
      pod,
      client,
      directories: this.#directories,
      cgroups: this.#cgroups,
      events: this.#events,
      hostDns: readHostDns,
      nodeMemory: BigInt(totalmem()),
      requestTimeoutMs: this.#requestTimeoutMs(),
    };
  }

  /** No deadline but the client's: a command takes as long as it takes. */
  async #exec({ handler, id }: { handler: string; id: string }, cmd: string[], signal: AbortSignal): Promise<ExecSyncResponse> {
    const client = this.#options.runtimes.get(handler);
    if (!client) throw new PluginError('UNAVAILABLE', 'this node has no such runtime', { object: `runtime ${handler}` });
    return client.runtime.execSync(ExecSyncRequest.create({ containerId: id, cmd }), { signal, deadlineMs: Number.POSITIVE_INFINITY });
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
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: terminatingSince.toISOString() }, status };
}

/** Read anew for each pod, since the host may move to another network. */
async function readHostDns(): Promise<DNSConfig> {
  return parseResolvConf(await readFile('/etc/resolv.conf', 'utf8').catch(() => ''));
}

function hostAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

function unknownHandler({ defaultHandler, runtimes }: KubeletOptions): PluginError {
  return new PluginError('INVALID_ARGUMENT', 'no runtime has it', {
    object: `default handler ${defaultHandler}`,
    hint: `use one of ${[...runtimes.keys()].join(', ') || '(there is none)'}`,
  });
}
