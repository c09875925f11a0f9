import type { PodInfo } from '@berth/sdk/scheduler';
import type { AnyPlugin, ClusterEvent, QueuedPod } from '../framework.ts';
import { type BackOff, backOffMs } from './back-off.ts';
import { PodHeap } from './pod-heap.ts';
import { isWorthATry } from './worth-a-try.ts';

export interface SchedulingQueueOptions {
  /** QueueSort's. */
  compare(left: QueuedPod, right: QueuedPod): number;
  /** PreEnqueue's. It may fail: then it is asked again after the pod's back-off. */
  gate(pod: PodInfo): 'open' | 'closed' | 'failed';
  backOff: BackOff;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Why a try didn't place a pod. */
export type Setback = Refused | { failed: true };

interface Refused {
  refusedBy: readonly AnyPlugin[];
  /** It counted as being on a node until then. */
  freed?: boolean;
}

/** What a pod waits for: its turn; the end of its back-off; an event that may help it; a change of its own. */
type Place = 'active' | 'backoff' | 'error-backoff' | 'unschedulable' | 'gated';

interface Entry extends QueuedPod {
  readonly place: Place;
  /** Pods that compare equal keep this order. */
  readonly turn: number;
  readonly backOffEnds: number;
  readonly refusedBy: readonly AnyPlugin[];
  /** Where it backs off. A pod that has freed a node waits to the end: two of them would wake each other without a pause. */
  readonly backOff: 'backoff' | 'error-backoff';
}

/** A pod that is being tried, and what happened meanwhile. */
interface InFlight {
  queued: QueuedPod;
  readonly events: ClusterEvent[];
  /** What refused the pod may not any more. */
  changed: boolean;
}

/** An unschedulable pod gets another try after this, lest a missed event leaves it for good (kube-scheduler's 5 minutes). */
const leftoverMs = 5 * 60_000;
const leftoverCheckMs = 30_000;

/**
 * The pods that have no node yet. Each is in one place: active, backing off, or unschedulable until an event may help it; or it has
 * been popped, and events are kept for it until it is given back or done.
 */
export class SchedulingQueue {
  readonly #options: SchedulingQueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #inFlight = new Map<string, InFlight>();
  readonly #heaps: Record<'active' | 'backoff' | 'error-backoff', PodHeap<Entry>>;
  #turn = 0;
  #leftoversChecked: number;

  constructor(options: SchedulingQueueOptions) {
    this.#options = options;
    const compare = (left: Entry, right: Entry) => this.#compare(left, right) || left.turn - right.turn;
    const byBackOff = (left: Entry, right: Entry) => left.backOffEnds - right.backOffEnds || compare(left, right);
    const isCurrent = (entry: Entry) => this.#entries.get(entry.info.uid) === entry;
    this.#heaps = {
      active: new PodHeap(compare, isCurrent),
      backoff: new PodHeap(byBackOff, isCurrent),
      'error-backoff': new PodHeap(byBackOff, isCurrent),
    };
    this.#leftoversChecked = options.now();
  }

  /** Adds a pod, or takes its new state. */
  set(info: PodInfo): void {
    const inFlight = this.#inFlight.get(info.uid);
    const before = this.#entries.get(info.uid);
    if (inFlight) Object.assign(inFlight, { queued: { ...inFlight.queued, info }, changed: true });
    else if (!before) this.#admit(this.#newEntry(info));
    else if (before.place === 'gated' || before.place === 'unschedulable') this.#admit(this.#revived({ ...before, info }));
    else this.#admit({ ...before, info });
  }

  delete(uid: string): void {
    this.#entries.delete(uid);
    this.#inFlight.delete(uid);
  }

  /**
   * The pod whose turn it is, or undefined if none is ready. When no other is, pods that were refused needn't wait for the end of their
   * back-off; pods of a failed try do, and those that were refused late.
   */
  pop(): QueuedPod | undefined {
    const entry = this.#next();
    if (!entry) return undefined;
    const { info, timestamp, attempts } = entry;
    this.#entries.delete(info.uid);
    const queued: QueuedPod = { info, timestamp, attempts: attempts + 1 };
    this.#inFlight.set(info.uid, { queued, events: [], changed: false });
    return queued;
  }

  /** Whether `pop` would give one. */
  hasReady(): boolean {
    return this.#next() !== undefined;
  }

  /** A popped pod is bound: it won't come back. */
  done(uid: string): void {
    this.#inFlight.delete(uid);
  }

  /** A popped pod comes back. One that was deleted meanwhile doesn't. */
  giveBack(uid: string, setback: Setback): void {
    const inFlight = this.#inFlight.get(uid);
    if (!inFlight) return;
    this.#inFlight.delete(uid);
    const { queued } = inFlight;
    const [now, turn] = [this.#options.now(), this.#turn++];
    const waiting = { ...queued, timestamp: now, turn, backOffEnds: this.#backOffEnd(queued.attempts) };
    if ('failed' in setback) this.#put({ ...waiting, refusedBy: [], backOff: 'error-backoff', place: 'error-backoff' });
    else this.#admit({ ...waiting, ...afterRefusal(inFlight, setback) });
  }

  /** Moves the pods that the event may help out of the unschedulable ones; not the pod that caused it. */
  notice(event: ClusterEvent, causedBy?: string): void {
    for (const { queued, events } of this.#inFlight.values()) if (queued.info.uid !== causedBy) events.push(event);
    for (const entry of this.#entries.values()) {
      if (entry.info.uid === causedBy || entry.place !== 'unschedulable') continue;
      if (isWorthATry(entry.info, event, entry.refusedBy)) this.#put(this.#revived(entry));
    }
  }

  /** Whether a popped pod is still to be placed: it is neither done nor deleted. */
  isInFlight(uid: string): boolean {
    return this.#inFlight.has(uid);
  }

  /** Where a pod waits; undefined for one that is being tried or isn't known. */
  placeOf(uid: string): Place | undefined {
    return this.#entries.get(uid)?.place;
  }

  #next(): Entry | undefined {
    this.#endBackOffs('backoff');
    this.#endBackOffs('error-backoff');
    this.#reviveLeftovers();
    return this.#heaps.active.peek() ?? this.#heaps.backoff.peek();
  }

  /** A comparison that throws must not keep other pods from their turns. */
  #compare(left: Entry, right: Entry): number {
    try {
      return this.#options.compare(left, right);
    } catch {
      return 0;
    }
  }

  #newEntry(info: PodInfo): Entry {
    return {
      info,
      timestamp: this.#options.now(),
      attempts: 0,
      turn: this.#turn++,
      place: 'active',
      backOffEnds: 0,
      refusedBy: [],
      backOff: 'backoff',
    };
  }

  /** Puts the entry where it belongs if the gate lets it in. */
  #admit(entry: Entry): void {
    const gate = this.#options.gate(entry.info);
    const attempts = entry.attempts + 1;
    if (gate === 'open') this.#put(entry);
    else if (gate === 'closed') this.#put({ ...entry, place: 'gated' });
    else this.#put({ ...entry, attempts, backOffEnds: this.#backOffEnd(attempts), place: 'error-backoff' });
  }

  #backOffEnd(attempts: number): number {
    return this.#options.now() + backOffMs(this.#options.backOff, attempts);
  }

  #put(entry: Entry): void {
    this.#entries.set(entry.info.uid, entry);
    if (entry.place !== 'unschedulable' && entry.place !== 'gated') this.#heaps[entry.place].push(entry);
  }

  #revived(entry: Entry): Entry {
    return { ...entry, place: entry.backOffEnds <= this.#options.now() ? 'active' : entry.backOff };
  }

  /** Of those whose try failed, the gate hasn't been asked since, or was what failed. */
  #endBackOffs(place: 'backoff' | 'error-backoff'): void {
    const [heap, now] = [this.#heaps[place], this.#options.now()];
    for (let first = heap.peek(); first && first.backOffEnds <= now; first = heap.peek()) {
      const entry: Entry = { ...first, timestamp: now, place: 'active' };
      if (place === 'error-backoff') this.#admit(entry);
      else this.#put(entry);
    }
  }

  #reviveLeftovers(): void {
    const now = this.#options.now();
    if (now - this.#leftoversChecked < leftoverCheckMs) return;
    this.#leftoversChecked = now;
    for (const entry of this.#entries.values()) {
      if (entry.place === 'unschedulable' && now - entry.timestamp >= leftoverMs) this.#put(this.#revived(entry));
    }
  }
}

/** What happened during its try may help the pod already. */
function afterRefusal(
  { queued, events, changed }: InFlight,
  { refusedBy, freed }: Refused,
): Pick<Entry, 'refusedBy' | 'backOff' | 'place'> {
  const backOff = freed ? 'error-backoff' : 'backoff';
  const mayBeHelped = changed || events.some((event) => isWorthATry(queued.info, event, refusedBy));
  return { refusedBy, backOff, place: mayBeHelped ? backOff : 'unschedulable' };
}
