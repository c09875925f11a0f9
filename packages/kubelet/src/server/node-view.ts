import type { Event, Pod } from '@berth/api/objects';
import type { ExecSyncResponse } from '@berth/sdk/cri';
import type { Explanation } from '../explain/explanation.ts';
import type { RuntimeSessions } from '../runtime/runtime-sessions.ts';
import type { StatsProvider } from '../stats/stats-provider.ts';
import type { PodTrace } from '../trace/pod-traces.ts';

/** What the server shows of the node. */
export interface NodeView {
  /** Spec and status of every pod. */
  pods(): Pod[];
  events(): Event[];
  /** What is wrong with the sync loop or a runtime, a message each. */
  unhealthy(): string[];
  readonly stats: StatsProvider;
  trace(pod: Pod): PodTrace | undefined;
  /** How far it has come, and what it waits for. */
  explain(pod: Pod): Explanation;
  /** What the sources couldn't make a pod of: a message each. */
  sourceProblems(): string[];
  /** Runs a command in a container of this id, by CRI ExecSync. */
  execSync(container: { handler: string; id: string }, command: string[], signal: AbortSignal): Promise<ExecSyncResponse>;
  /** Exec, attach and port-forward, where the runtimes serve them. */
  readonly sessions: RuntimeSessions;
  logDirectory(pod: Pod): string;
}
