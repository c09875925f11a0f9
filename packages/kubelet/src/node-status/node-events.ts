import type { Event } from '@berth/api/objects';
import type { Clock } from '../clock.ts';
import { apiTime } from '../pod.ts';

/** More events than this: the oldest is forgotten. */
const mostEvents = 200;

/** What happened to the node itself; the same again only counts up. */
export class NodeEvents {
  readonly #clock: Clock;
  readonly #nodeName: string;
  readonly #onEvent: (event: Event) => void;
  readonly #events = new Map<string, Event>();
  /** Numbers the events, for names that stay theirs. */
  #recorded = 0;

  /** `onEvent` is called with each event as it is then. */
  constructor(clock: Clock, nodeName: string, onEvent: (event: Event) => void) {
    this.#clock = clock;
    this.#nodeName = nodeName;
    this.#onEvent = onEvent;
  }

  /** The reason is one of kubelet's, in CamelCase; the message is for people. */
  record(type: 'Normal' | 'Warning', reason: string, message: string): void {
    const now = apiTime(this.#clock.now());
    const key = `${reason}\n${message}`;
    const before = this.#events.get(key) ?? this.#first(type, reason, message, now);
    const event = { ...before, count: (before.count ?? 0) + 1, lastTimestamp: now };
    this.#events.delete(key);
    this.#events.set(key, event);
    const [oldest] = this.#events.keys();
    if (this.#events.size > mostEvents && oldest !== undefined) this.#events.delete(oldest);
    this.#onEvent(event);
  }

  /** In the order of their last occurrence. */
  list(): Event[] {
    return [...this.#events.values()];
  }

  #first(type: 'Normal' | 'Warning', reason: string, message: string, now: string): Event {
    const name = this.#nodeName;
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: 'default', name: `${name}.${this.#clock.now().getTime().toString(16)}.${this.#recorded++}` },
      involvedObject: { apiVersion: 'v1', kind: 'Node', name, uid: name },
      source: { component: 'kubelet', host: name },
      type,
      reason,
      message,
      firstTimestamp: now,
    };
  }
}
