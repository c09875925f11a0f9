import type { Normalization, PodInfo } from '@berth/sdk/scheduler';
import type { NodeAnswer } from '@berth/sdk/scheduler/evaluate';
import type { Snapshot } from '../snapshot.ts';

/** What a plugin can do. */
export interface Abilities {
  filters: boolean;
  scores: boolean;
  normalization: Normalization;
}

/** What a plugin made of one pod and every node. */
export interface Evaluation extends Abilities {
  /** By node name; each node of the snapshot has one. */
  answers: ReadonlyMap<string, NodeAnswer>;
}

/** Asks a plugin, in this process or another, about a pod and all nodes at once. */
export interface Evaluator {
  /** Rejects if the plugin fails, takes longer than it may, or answers what can't be. */
  evaluate(pod: PodInfo, snapshot: Snapshot, signal: AbortSignal): Promise<Evaluation>;
  close(): void;
}
