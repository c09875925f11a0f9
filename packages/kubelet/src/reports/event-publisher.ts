import type { Event } from '@berth/api/objects';
import { Bell } from '@berth/sdk/bell';
import { type Code, PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { ClusterApi } from '../api/cluster-api.ts';
import type { Clock } from '../clock.ts';
import { TokenBucket } from '../token-bucket.ts';
import { untilDue } from '../until-due.ts';
import { EventCorrelator } from './event-correlator.ts';

/** Named after the fields of KubeletConfiguration. */
export interface EventLimits {
  /** Events per second; 0: no limit. */
  eventRecordQPS: number;
  /** Events at once. */
  eventBurst: number;
}

/** kubelet's (kubelet/apis/config/v1beta1/defaults.go). */
const defaultEventLimits: EventLimits = { eventRecordQPS: 50, eventBurst: 100 };

export interface EventPublisherOptions {
  api: ClusterApi;
  clock: Clock;
  log: Logger;
  /** Left out: kubelet's. */
  limits?: EventLimits | undefined;
}

/** Events that wait: with more, the API has been away for so long that the oldest are of no use. */
const queueLength = 1000;
/** client-go's maxTriesPerEvent, and its pause between them. */
const tries = 12;
const retryMs = 10_000;
const callLimitMs = 10_000;
/** The API won't have it, however often it is asked. */
const refusals = new Set<Code>([
  'INVALID_ARGUMENT',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'FAILED_PRECONDITION',
]);

/** Takes events to the API in their order, as many as it may. */
export class EventPublisher {
  readonly #options: EventPublisherOptions;
  readonly #correlator = new EventCorrelator();
  readonly #queue: Event[] = [];
  readonly #bell = new Bell();

  constructor(options: EventPublisherOptions) {
    this.#options = options;
  }

  /** Something has happened; what is one too many is dropped. */
  publish(event: Event): void {
    const correlated = this.#correlator.correlate(event, this.#options.clock.now());
    if (!correlated) return;
    this.#queue.push(correlated);
    if (this.#queue.length > queueLength) this.#queue.shift();
    this.#bell.ring();
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, limits = defaultEventLimits } = this.#options;
    const bucket = limits.eventRecordQPS > 0 ? new TokenBucket(limits.eventBurst, limits.eventRecordQPS, clock.now()) : undefined;
    while (!signal.aborted) {
      const event = this.#queue.shift();
      if (!event) await this.#bell.wait(signal);
      else {
        await untilDue(clock, bucket?.waitMs(clock.now()) ?? 0, signal);
        bucket?.take(clock.now());
        await this.#send(event, signal);
      }
    }
  }

  async #send(event: Event, signal: AbortSignal): Promise<void> {
    const { api, log, clock } = this.#options;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        return await api.applyEvent(event, AbortSignal.any([signal, AbortSignal.timeout(callLimitMs)]));
      } catch (thrown) {
        const { code, message } = PluginError.from(thrown);
        if (attempt === tries || refusals.has(code)) return log.warn({ event: event.metadata?.name }, `the event is dropped: ${message}`);
        await untilDue(clock, retryMs, signal);
      }
    }
  }
}
