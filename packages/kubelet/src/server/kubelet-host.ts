import { join } from 'node:path';
import type { Event, Node, Pod } from '@berth/api/objects';
import { CheckpointContainerRequest, ExecSyncRequest, type ExecSyncResponse } from '@berth/sdk/cri';
import type { Logger } from 'pino';
import type { NodeCgroups } from '../cgroup/node-cgroups.ts';
import type { Clock } from '../clock.ts';
import type { DeviceResourceState } from '../device-manager/device-resource-state.ts';
import type { Explanation } from '../explain/explanation.ts';
import type { LogRotationOptions } from '../logs/log-rotation.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { RuntimeCounts } from '../pleg/runtime-contents.ts';
import { fullNameOf } from '../pod.ts';
import type { PodDirectories } from '../pod-directories.ts';
import type { NodeRuntimes } from '../runtime/node-runtimes.ts';
import { runningPods } from '../runtime/running-pods.ts';
import { type RuntimeContainer, RuntimeSessions } from '../runtime/runtime-sessions.ts';
import { NodeStatsProvider } from '../stats/node-stats-provider.ts';
import type { StatsProvider } from '../stats/stats-provider.ts';
import type { PodTrace, PodTraces } from '../trace/pod-traces.ts';
import type { NodeView } from './node-view.ts';
import type { KubeletServerOptions } from './server-options.ts';
import { levelOf } from './verbosity.ts';

/** What a kubelet shows of itself and the node, and where. */
export interface ServingOptions {
  /** The metrics that the runtimes' connections have their taps from. */
  metrics?: KubeletMetrics;
  /** The ports that it answers on besides its unix socket. */
  server?: KubeletServerOptions;
  /** Of containers' logs. */
  logRotation?: Partial<LogRotationOptions>;
  /** What /logs/ shows. Default /var/log. */
  nodeLogDir?: string;
  /** For how long what pods and volumes have on disk is taken as it was counted last; default 1 minute. */
  volumeStatsAggPeriodMs?: number;
  /** What /configz shows. */
  configuration?(): object;
}

/** The kubelet's parts that its server asks. */
interface KubeletHostParts {
  nodeName: string;
  runtimes: NodeRuntimes;
  directories: PodDirectories;
  traces: PodTraces;
  metrics: KubeletMetrics;
  /** Undefined: pods have no cgroups of their own. */
  cgroups: NodeCgroups | undefined;
  /** The parent of `kubepods`. */
  cgroupRoot?: string;
  clock: Clock;
  log: Logger;
  /** Left out: `/var/log`. */
  nodeLogDir?: string;
  volumeStatsAggPeriodMs?: number;
  kubelet: Pick<NodeView, 'pods' | 'runtimeCounts' | 'self' | 'devices' | 'events' | 'explain' | 'sourceProblems' | 'unhealthy'>;
  /** Left out where the node has no KubeletConfiguration. */
  configuration?(): object;
}

/** What the server shows of a node whose kubelet runs here. */
export class KubeletHost implements NodeView {
  readonly #parts: KubeletHostParts;
  readonly sessions: RuntimeSessions;
  readonly stats: StatsProvider;

  constructor(parts: KubeletHostParts) {
    const { cgroups, cgroupRoot } = parts;
    this.#parts = parts;
    this.sessions = new RuntimeSessions(parts.runtimes);
    this.stats = new NodeStatsProvider({
      ...parts,
      pods: () => this.pods(),
      cgroupOf: async (pod, client, signal) => cgroups?.parentOf(pod, client, signal),
      systemCgroups: { ...(cgroupRoot !== undefined && { podsCgroup: join(cgroupRoot, 'kubepods') }) },
    });
  }

  get nodeName(): string {
    return this.#parts.nodeName;
  }

  get metrics(): KubeletMetrics {
    return this.#parts.metrics;
  }

  get kubeletRoot(): string {
    return this.#parts.directories.kubeletRoot;
  }

  get nodeLogDir(): string {
    return this.#parts.nodeLogDir ?? '/var/log';
  }

  pods(): Pod[] {
    return this.#parts.kubelet.pods();
  }

  async runningPods(signal: AbortSignal): Promise<Pod[]> {
    return runningPods(this.#parts.runtimes, signal);
  }

  runtimeCounts(): RuntimeCounts[] {
    return this.#parts.kubelet.runtimeCounts();
  }

  self(): Node {
    return this.#parts.kubelet.self();
  }

  devices(): DeviceResourceState[] {
    return this.#parts.kubelet.devices();
  }

  events(): Event[] {
    return this.#parts.kubelet.events();
  }

  trace(pod: Pod): PodTrace | undefined {
    return this.#parts.traces.of(fullNameOf(pod));
  }

  explain(pod: Pod): Explanation {
    return this.#parts.kubelet.explain(pod);
  }

  sourceProblems(): string[] {
    return this.#parts.kubelet.sourceProblems();
  }

  logDirectory(pod: Pod): string {
    return this.#parts.directories.logDirectory(pod);
  }

  /** No deadline but the client's: a command takes as long as it takes. */
  async execSync({ handler, id }: RuntimeContainer, cmd: string[], signal: AbortSignal): Promise<ExecSyncResponse> {
    const { runtime } = this.#parts.runtimes.get(handler);
    return runtime.execSync(ExecSyncRequest.create({ containerId: id, cmd }), { signal, deadlineMs: Number.POSITIVE_INFINITY });
  }

  async checkpoint({ handler, id }: RuntimeContainer, location: string, timeoutSeconds: number, signal: AbortSignal): Promise<void> {
    const { runtime } = this.#parts.runtimes.get(handler);
    const request = CheckpointContainerRequest.create({ containerId: id, location, timeout: BigInt(timeoutSeconds) });
    await runtime.checkpointContainer(request, { signal, ...(timeoutSeconds > 0 && { deadlineMs: timeoutSeconds * 1000 }) });
  }

  unhealthy(): string[] {
    return this.#parts.kubelet.unhealthy();
  }

  configuration(): object | undefined {
    return this.#parts.configuration?.();
  }

  setLogVerbosity(verbosity: number): void {
    this.#parts.log.level = levelOf(verbosity);
  }
}
