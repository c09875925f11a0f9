import { formatAge } from '../view/listing.ts';
import type { NodeWarning } from '../view/node-warnings.ts';
import type { Finding } from './check.ts';

/** One finding for each warning of a running node. What to do is in its message. */
export function checkNodeWarnings(warnings: readonly NodeWarning[], now: Date): Finding[] {
  return warnings.map((warning) => ({
    name: `event ${warning.reason}`,
    verdict: 'warning',
    found: `${warning.message} (${occurrences(warning, now)})`,
  }));
}

function occurrences({ count, firstSeen, lastSeen }: NodeWarning, now: Date): string {
  const last = `${formatAge(lastSeen, now)} ago`;
  return count === 1 ? last : `${count} times in ${formatAge(firstSeen, now)}, last ${last}`;
}
