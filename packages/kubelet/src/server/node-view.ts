import type { Event, Node, Pod } from '@berth/api/objects';
import type { ExecSyncResponse } from '@berth/sdk/cri';
import type { DeviceResourceState } from '../device-manager/device-resource-state.ts';
import type { Explanation } from '../explain/explanation.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { RuntimeCounts } from '../pleg/runtime-contents.ts';
import type { RuntimeContainer, RuntimeSessions } from '../runtime/runtime-sessions.ts';
import type { StatsProvider } from '../stats/stats-provider.ts';
import type { PodTrace } from '../trace/pod-traces.ts';

/** What the server shows of the node. */
export interface NodeView {
  nodeName: string;
  /** The node's own object. */
  self(): Node;
  /** Each resource of device plugins, as far as the node's object doesn't tell it. */
  devices(): DeviceResourceState[];
  /** Spec and status of every pod. */
  pods(): Pod[];
  /** What the runtimes have, whoever made it. */
  runningPods(signal: AbortSignal): Promise<Pod[]>;
  /** What each runtime has, as its lists and events tell. */
  runtimeCounts(): RuntimeCounts[];
  events(): Event[];
  /** What is wrong with the sync loop or a runtime, a message each. */
  unhealthy(): string[];
  readonly stats: StatsProvider;
  readonly metrics: KubeletMetrics;
  trace(pod: Pod): PodTrace | undefined;
  /** How far it has come, and what it waits for. */
  explain(pod: Pod): Explanation;
  /** What the sources couldn't make a pod of: a message each. */
  sourceProblems(): string[];
  /** Runs a command in a container of this id, by CRI ExecSync. */
  execSync(container: RuntimeContainer, command: string[], signal: AbortSignal): Promise<ExecSyncResponse>;
  /** Writes a container's checkpoint to `location`, by CRI CheckpointContainer. `timeoutSeconds` is the runtime's. */
  checkpoint(container: RuntimeContainer, location: string, timeoutSeconds: number, signal: AbortSignal): Promise<void>;
  /** Exec, attach and port-forward, where the runtimes serve them. */
  readonly sessions: RuntimeSessions;
  logDirectory(pod: Pod): string;
  readonly kubeletRoot: string;
  /** What `/logs/` shows. */
  readonly nodeLogDir: string;
  /** The effective KubeletConfiguration; undefined where the node was started without one. */
  configuration(): object | undefined;
  /** As klog's `-v`. */
  setLogVerbosity(verbosity: number): void;
}
