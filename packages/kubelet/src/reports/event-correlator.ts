import type { Event } from '@berth/api/objects';
import { apiTime } from '../pod.ts';
import { TokenBucket } from '../token-bucket.ts';

/** How many kinds of events are remembered at most; the oldest are forgotten. */
const remembered = 4096;
/** From so many different messages of one kind within this time on, they are told as one event. */
const similarMessages = 10;
const similarWithinMs = 10 * 60 * 1000;
/** What an object may tell at once, and how fast it may go on. */
const spamBurst = 25;
const spamPerSecond = 1 / 300;

interface Series {
  messages: Set<string>;
  at: number;
}

interface Known {
  name: string;
  count: number;
  firstTimestamp: string;
}

/**
 * Makes of what happened what the cluster is told: the same thing again is counted, many alike are combined, and an object that tells too
 * much isn't listened to. The rules and figures are those of client-go (tools/record/events_cache.go).
 */
export class EventCorrelator {
  /** By kind: all but the message. */
  readonly #series = new Map<string, Series>();
  readonly #known = new Map<string, Known>();
  readonly #buckets = new Map<string, TokenBucket>();
  #numbered = 0;

  /** The event to make, or to count up, in the API; undefined: it is one too many. */
  correlate(event: Event, now: Date): Event | undefined {
    const { key, message } = this.#combine(event, now);
    const known = this.#count(key, event, now);
    if (!this.#mayPass(event, now)) return undefined;
    const { name, count, firstTimestamp } = known;
    return { ...event, message, count, firstTimestamp, lastTimestamp: apiTime(now), metadata: { ...event.metadata, name } };
  }

  #combine(event: Event, now: Date): { key: string; message: string } {
    const kind = kindOf(event);
    const message = event.message ?? '';
    const before = this.#series.get(kind);
    const isOld = !before || now.getTime() - before.at > similarWithinMs;
    const series = isOld ? { messages: new Set<string>(), at: 0 } : before;
    series.messages.add(message);
    series.at = now.getTime();
    remember(this.#series, kind, series);
    if (series.messages.size < similarMessages) return { key: `${kind}\n${message}`, message };
    const [any] = series.messages;
    if (any !== undefined) series.messages.delete(any);
    return { key: kind, message: `(combined from similar events): ${message}` };
  }

  #count(key: string, { involvedObject }: Event, now: Date): Known {
    const before = this.#known.get(key);
    // Unique among the object's events, also with those of a kubelet before.
    const unique = (BigInt(now.getTime()) * 1_000_000n + BigInt(this.#numbered++ % 1_000_000)).toString(16);
    const known: Known = before
      ? { ...before, count: before.count + 1 }
      : { name: `${involvedObject.name}.${unique}`, count: 1, firstTimestamp: apiTime(now) };
    remember(this.#known, key, known);
    return known;
  }

  #mayPass(event: Event, now: Date): boolean {
    const object = objectOf(event);
    const bucket = this.#buckets.get(object) ?? new TokenBucket(spamBurst, spamPerSecond, now);
    remember(this.#buckets, object, bucket);
    return bucket.take(now);
  }
}

function objectOf({ source, involvedObject }: Event): string {
  const { kind, namespace, name, uid, apiVersion, fieldPath } = involvedObject;
  return [source?.component, source?.host, kind, namespace, name, uid, apiVersion, fieldPath].join('\n');
}

function kindOf(event: Event): string {
  return [objectOf(event), event.type, event.reason, event.reportingComponent, event.reportingInstance].join('\n');
}

/** Puts it last, and lets go of the first where there are too many. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > remembered && oldest !== undefined) map.delete(oldest);
}
