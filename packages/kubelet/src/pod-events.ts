import type { Event, ObjectReference, Pod } from '@berth/api/objects';
import type { Clock } from './clock.ts';
import { apiTime, nameOf, namespaceOf, uidOf } from './pod.ts';

type EventType = 'Normal' | 'Warning';

/** What happened to a pod or to the node; the same thing again only counts up. */
interface PodEvent {
  /** Its name behind that of what it happened to: of no event of before a restart. */
  suffix: string;
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

/** The events of the node and of all its pods. */
export class PodEvents {
  readonly #clock: Clock;
  readonly #nodeName: string;
  /** Numbers the events of one moment. */
  #recorded = 0;
  readonly #byObject = new Map<string, { regarding: ObjectReference; events: Map<string, PodEvent> }>();

  readonly #tell: (event: Event) => void;

  /** `tell` is called with each event, whose count is how often it has happened. */
  constructor(clock: Clock, nodeName: string, tell: (event: Event) => void = () => undefined) {
    this.#clock = clock;
    this.#nodeName = nodeName;
    this.#tell = tell;
  }

  /** The reason is one of kubelet's, in CamelCase; the message is for people. */
  record(pod: Pod, type: EventType, reason: string, message: string): void {
    const [namespace, name, uid] = [namespaceOf(pod), nameOf(pod), uidOf(pod)];
    this.#record({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid }, type, reason, message);
  }

  /** The same of the node itself, whose uid is its name as with kubelet. */
  recordNode(type: EventType, reason: string, message: string): void {
    this.#record({ apiVersion: 'v1', kind: 'Node', name: this.#nodeName, uid: this.#nodeName }, type, reason, message);
  }

  #record(regarding: ObjectReference, type: EventType, reason: string, message: string): void {
    const { events } = this.#entry(regarding);
    const moment = this.#clock.now();
    const now = apiTime(moment);
    const key = `${reason}\n${message}`;
    const before = events.get(key);
    const event: PodEvent = {
      suffix: before?.suffix ?? `${moment.getTime().toString(16)}.${this.#recorded++}`,
      type,
      reason,
      message,
      count: (before?.count ?? 0) + 1,
      firstTimestamp: before?.firstTimestamp ?? now,
      lastTimestamp: now,
    };
    events.delete(key);
    events.set(key, event);
    this.#tell(this.#object(regarding, event));
    const [oldest] = events.keys();
    if (events.size > eventsPerPod && oldest !== undefined) events.delete(oldest);
  }

  /** For a pod that is gone. */
  forget(uid: string): void {
    this.#byObject.delete(uid);
  }

  /** All events as objects of the Kubernetes API, those of one object in the order of their last occurrence. */
  list(): Event[] {
    return [...this.#byObject.values()].flatMap(({ regarding, events }) =>
      [...events.values()].map((event) => this.#object(regarding, event)),
    );
  }

  #entry(regarding: ObjectReference): { regarding: ObjectReference; events: Map<string, PodEvent> } {
    const uid = regarding.uid ?? '';
    const entry = this.#byObject.get(uid) ?? { regarding, events: new Map<string, PodEvent>() };
    this.#byObject.set(uid, entry);
    return entry;
  }

  #object(regarding: ObjectReference, { suffix, ...event }: PodEvent): Event {
    const { namespace = 'default', name } = regarding;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, name: `${name}.${suffix}` },
      involvedObject: regarding,
      source: { component: 'kubelet', host: this.#nodeName },
      ...event,
    };
  }
}
