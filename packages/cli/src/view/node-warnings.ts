import type { Event } from '@berth/api/objects';
import { formatAge, formatTable } from './listing.ts';

/** What a node warns of, and when it did last. */
export interface NodeWarning {
  reason: string;
  /** With its cure, in one line. */
  message: string;
  count: number;
  firstSeen: string | undefined;
  lastSeen: string | undefined;
}

/** So many warnings are shown; what is older is among the node's events still. */
const shown = 20;

/** The newest warnings about the node itself among these events, the newest one first. */
export function nodeWarnings(events: readonly Event[]): NodeWarning[] {
  return events
    .filter(({ involvedObject, type }) => involvedObject.kind === 'Node' && type === 'Warning')
    .map(warningOf)
    .toReversed()
    .toSorted((one, other) => timeOf(other) - timeOf(one))
    .slice(0, shown);
}

/** A table of them, with how often and since when as kubectl writes it. */
export function formatNodeWarnings(warnings: readonly NodeWarning[], now: Date): string {
  return formatTable(
    ['LAST SEEN', 'WARNING', 'MESSAGE'],
    warnings.map((warning) => [seen(warning, now), warning.reason, warning.message]),
  );
}

function seen({ count, firstSeen, lastSeen }: NodeWarning, now: Date): string {
  const last = formatAge(lastSeen, now);
  return count === 1 ? last : `${last} (x${count} over ${formatAge(firstSeen, now)})`;
}

function warningOf({ reason = '', message = '', count = 1, firstTimestamp, lastTimestamp }: Event): NodeWarning {
  return { reason, message: message.replace(/[\s\p{Cc}]+/gu, ' ').trim(), count, firstSeen: firstTimestamp, lastSeen: lastTimestamp };
}

function timeOf({ lastSeen }: NodeWarning): number {
  return lastSeen === undefined ? 0 : new Date(lastSeen).getTime();
}
