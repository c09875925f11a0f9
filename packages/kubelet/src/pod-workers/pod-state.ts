import type { Pod, PodStatus } from '@berth/api/objects';
import type { PodMemory } from '../checkpoint/pod-memory.ts';
import type { Eviction, ObservedPod } from '../plan/observed-pod.ts';
import type { Wait } from '../plan/wait.ts';
import { hasRefreshedVolumes } from '../volumes/pod-volumes.ts';
import { unseenPod } from './observed-changes.ts';
import { forgetRedefined, isSamePod } from './pod-change.ts';

/** What is known of a pod before its worker begins. */
interface KnownBefore extends Pick<ObservedPod, 'handler' | 'hostIP' | 'refusal' | 'devicesPending'> {
  /** What a kubelet before this one knew of the pod. */
  restored?: PodMemory | undefined;
}

/** What a worker knows of its pod: what its source asks for, what it has been given, what the runtime has of it, and how it is to end. */
export class PodState {
  /** What the planner knows of the pod. */
  readonly observed: ObservedPod;
  /** With the resources that its containers have been given; the pod may ask for others by now. */
  allocated: Pod;
  /** The pod has ended and left nothing behind. */
  finished = false;
  /** What holds up the whole pod, by the last plan; undefined: nothing does. */
  trouble: Wait | undefined;
  #pod: Pod;
  #terminatingSince: Date | undefined;

  constructor(pod: Pod, { restored, ...known }: KnownBefore) {
    this.#pod = pod;
    this.allocated = pod;
    this.observed = unseenPod(pod, known);
    if (restored) Object.assign(this.observed, restored.observed, { previous: restored.status ?? this.observed.previous });
  }

  /** As its source has it by now. */
  get pod(): Pod {
    return this.#pod;
  }

  /** As it was told last. */
  get status(): PodStatus {
    return this.observed.previous ?? { phase: 'Pending' };
  }

  /** When the pod was told to end. */
  get terminatingSince(): Date | undefined {
    return this.#terminatingSince;
  }

  /** Something has been made for the pod, now or by a kubelet before. */
  get begun(): boolean {
    return this.observed.directories !== 'unknown' || this.observed.sandboxes.length > 0;
  }

  /** The pod was admitted, and not all of its containers have ended for good: what it asked the node for is its own. */
  get active(): boolean {
    if (this.observed.refusal || this.finished) return false;
    return this.#stopping || !['Succeeded', 'Failed'].includes(this.status.phase ?? '');
  }

  /** Something of an evicted pod runs still, or may. */
  get #stopping(): boolean {
    return this.observed.eviction !== undefined && this.observed.directories !== 'removed';
  }

  /** What the pod's volumes show may have changed. */
  refresh(): void {
    this.observed.volumesStale = hasRefreshedVolumes(this.#pod);
  }

  /** What waited for an object that the pod refers to is tried at once. */
  objectChanged(): void {
    for (const [key, { reason }] of Object.entries(this.observed.failures)) {
      if (reason === 'FailedMount' || reason === 'CreateContainerConfigError') delete this.observed.failures[key];
    }
    this.refresh();
  }

  /** Takes the pod as its source has it now. False: it asks for what it asked for before. */
  update(pod: Pod): boolean {
    if (isSamePod(this.#pod, pod)) return false;
    forgetRedefined(this.observed, this.#pod, pod);
    this.#pod = pod;
    this.refresh();
    return true;
  }

  /** The pod is to end. False: it is to, and as soon, already. */
  terminate(gracePeriodSeconds: number, now: Date): boolean {
    const before = this.observed.deletion?.gracePeriodSeconds;
    if (before !== undefined && before <= gracePeriodSeconds) return false;
    this.observed.deletion = { gracePeriodSeconds };
    this.observed.endingSince = now;
    this.#terminatingSince ??= now;
    return true;
  }

  /** The node ends the pod, which stays as a failed one. False: it has ended already, or is evicted and not to end sooner for the same reason. */
  evict(eviction: Eviction): boolean {
    if (!this.active) return false;
    const before = this.observed.eviction;
    if (before && (before.reason !== eviction.reason || before.gracePeriodSeconds <= eviction.gracePeriodSeconds)) return false;
    this.observed.eviction = eviction;
    return true;
  }
}
