import type { PodInfo } from '@berth/sdk/scheduler';
import type { Cache } from './cache.ts';
import { bindingCycle } from './cycle/binding-cycle.ts';
import { ExtensionPointFailure } from './cycle/extension-point-failure.ts';
import { type Placement, reserve, unreserve } from './cycle/reservation.ts';
import { type Decision, schedulingCycle } from './cycle/scheduling-cycle.ts';
import { CycleState } from './cycle-state.ts';
import type { AnyPlugin, PluginRefusal } from './framework.ts';
import { failedVerdict, refusedVerdict, scheduledVerdict, unschedulableVerdict } from './make-verdict.ts';
import type { Profile } from './profile.ts';
import type { Setback } from './queue/scheduling-queue.ts';
import type { Snapshot } from './snapshot.ts';
import type { Verdict } from './verdict.ts';

/** One pod and what it is tried on. */
export interface Trial {
  profile: Profile;
  pod: PodInfo;
  snapshot: Snapshot;
  /** The place in the snapshot where the search begins. */
  start: number;
  cache: Cache;
  /** False once the pod was removed. */
  isWanted(): boolean;
}

/** How a try ended; without a setback the pod is bound. */
export interface Outcome {
  verdict: Verdict;
  setback?: Setback;
  /** The node that the pod counted as being on for a while. */
  freedNode?: string;
}

/** A try so far: the pod was chosen a node and counts as being there, and `bind` does the rest; or it has ended; or nobody wants it. */
export interface Tried {
  /** How many nodes were looked at. */
  lookedAt: number;
  next?: { bind(signal: AbortSignal): Promise<Outcome> } | Outcome;
}

/** Takes one pod through the extension points up to Reserve. Never throws for what a plugin does: the outcome tells. */
export async function tryPod(trial: Trial, signal: AbortSignal): Promise<Tried> {
  const { profile, pod, snapshot, start } = trial;
  const state = new CycleState();
  try {
    const decision = await schedulingCycle(profile, state, pod, snapshot, start, signal);
    const { nodeName, lookedAt } = decision;
    if (!trial.isWanted()) return { lookedAt };
    if (nodeName === undefined) return { lookedAt, next: unschedulable(trial, decision) };
    return { lookedAt, next: assume(trial, decision, { profile, state, pod, nodeName }) };
  } catch (thrown) {
    return { lookedAt: 0, next: failed(trial, thrown) };
  }
}

/** Counts the pod as being on its node, and reserves what it needs there. */
function assume(trial: Trial, decision: Decision, placement: Placement): Required<Tried>['next'] {
  const { cache, pod } = trial;
  cache.assumePod(pod, placement.nodeName);
  try {
    const refusal = reserve(placement);
    if (!refusal) return { bind: (signal) => bindAssumed(trial, decision, placement, signal) };
    return refusedLate(trial, decision, placement, refusal);
  } catch (thrown) {
    return failedLate(trial, decision, placement, thrown);
  }
}

async function bindAssumed(trial: Trial, decision: Decision, placement: Placement, signal: AbortSignal): Promise<Outcome> {
  try {
    const refusal = await bindingCycle(placement, signal);
    if (!refusal) return { verdict: scheduledVerdict(trial.pod, decision, placement.nodeName) };
    return refusedLate(trial, decision, placement, refusal);
  } catch (thrown) {
    return failedLate(trial, decision, placement, thrown);
  }
}

function unschedulable({ profile, pod }: Trial, decision: Decision): Outcome {
  const refusals = [...decision.refusals.values()];
  return { verdict: unschedulableVerdict(pod, decision), setback: { refusedBy: refusing(profile, refusals) } };
}

/** Its node was reserved already. */
function refusedLate(trial: Trial, decision: Decision, placement: Placement, refusal: PluginRefusal): Outcome {
  return {
    verdict: refusedVerdict(trial.pod, decision, refusal),
    setback: { refusedBy: refusing(trial.profile, [refusal]), freed: true },
    freedNode: takeBack(trial, placement),
  };
}

function failedLate(trial: Trial, decision: Decision, placement: Placement, thrown: unknown): Outcome {
  return { ...failed(trial, thrown, decision), freedNode: takeBack(trial, placement) };
}

function takeBack({ cache, pod }: Trial, placement: Placement): string {
  unreserve(placement);
  cache.forgetPod(pod.uid);
  return placement.nodeName;
}

function failed({ pod }: Trial, thrown: unknown, decision?: Decision): Outcome {
  if (!(thrown instanceof ExtensionPointFailure)) throw thrown;
  return { verdict: failedVerdict(pod, thrown, decision), setback: { failed: true } };
}

function refusing({ plugins }: Profile, refusals: readonly PluginRefusal[]): AnyPlugin[] {
  return [...new Set(refusals.map(({ plugin }) => plugin))].flatMap((name) => plugins.get(name) ?? []);
}
