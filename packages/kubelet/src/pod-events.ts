import type { Event, Pod } from '@berth/api/objects';
import type { Clock } from './clock.ts';
import { apiTime, nameOf, namespaceOf, uidOf } from './pod.ts';

type EventType = 'Normal' | 'Warning';

/** What happened to a pod; the same thing again only counts up. */
interface PodEvent {
  number: number;
  type: EventType;
  /** `Pulled`, `Started`, `BackOff`, ... */
  reason: string;
  message: string;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
}

/** More kinds of events than this of one pod: the oldest is forgotten. */
const eventsPerPod = 200;

/** The events of all pods of the node. */
export class PodEvents {
  readonly #clock: Clock;
  readonly #nodeName: string;
  /** Numbers the events, for names that stay theirs. */
  #recorded = 0;
  readonly #byPod = new Map<string, { pod: Pod; events: Map<string, PodEvent> }>();

  readonly #tell: (event: Event) => void;

  /** `tell` is called with each event, whose count is how often it has happened. */
  constructor(clock: Clock, nodeName: string, tell: (event: Event) => void = () => undefined) {
    this.#clock = clock;
    this.#nodeName = nodeName;
    this.#tell = tell;
  }

  /** The reason is one of kubelet's, in CamelCase; the message is for people. */
  record(pod: Pod, type: EventType, reason: string, message: string): void {
    const { events } = this.#entry(pod);
    const now = apiTime(this.#clock.now());
    const key = `${reason}\n${message}`;
    const before = events.get(key);
    const event: PodEvent = {
      number: before?.number ?? this.#recorded++,
      type,
      reason,
      message,
      count: (before?.count ?? 0) + 1,
      firstTimestamp: before?.firstTimestamp ?? now,
      lastTimestamp: now,
    };
    events.delete(key);
    events.set(key, event);
    this.#tell(this.#object(pod, event));
    const [oldest] = events.keys();
    if (events.size > eventsPerPod && oldest !== undefined) events.delete(oldest);
  }

  /** For a pod that is gone. */
  forget(uid: string): void {
    this.#byPod.delete(uid);
  }

  /** All events as objects of the Kubernetes API, those of a pod in the order of their last occurrence. */
  list(): Event[] {
    return [...this.#byPod.values()].flatMap(({ pod, events }) => [...events.values()].map((event) => this.#object(pod, event)));
  }

  #entry(pod: Pod): { pod: Pod; events: Map<string, PodEvent> } {
    const uid = uidOf(pod);
    const entry = this.#byPod.get(uid) ?? { pod, events: new Map<string, PodEvent>() };
    this.#byPod.set(uid, entry);
    return entry;
  }

  #object(pod: Pod, { number, ...event }: PodEvent): Event {
    const [namespace, name] = [namespaceOf(pod), nameOf(pod)];
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, name: `${name}.${uidOf(pod).slice(0, 8)}.${number}` },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid: uidOf(pod) },
      source: { component: 'kubelet', host: this.#nodeName },
      ...event,
    };
  }
}
