import type { Event, Pod } from '@berth/api/objects';
import { uidOf } from '../pod.ts';
import { EventPublisher, type EventPublisherOptions } from './event-publisher.ts';
import { StatusManager, type StatusManagerOptions } from './status-manager.ts';

/** What the kubelet tells the cluster of its pods: their status and what happened to them. */
export class ClusterReports {
  readonly #statuses: StatusManager;
  readonly #events: EventPublisher;

  constructor(options: StatusManagerOptions & EventPublisherOptions) {
    this.#statuses = new StatusManager(options);
    this.#events = new EventPublisher(options);
  }

  /** The pod with its new status. */
  status(pod: Pod): void {
    this.#statuses.update(pod);
  }

  event(event: Event): void {
    this.#events.publish(event);
  }

  /** The pod has ended and left nothing behind. */
  ended(pod: Pod): void {
    this.#statuses.forget(uidOf(pod));
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#statuses.run(signal), this.#events.run(signal)]);
  }
}
