import type { PreferenceRequest } from './definition.ts';
import { quotedIds } from './device-id.ts';

/** What is wrong with a question for a preference; undefined: nothing. */
export function problemOfRequest({ available, mustInclude, size }: PreferenceRequest): string | undefined {
  const distinct = new Set(available).size;
  if (distinct < size) return `${size} devices are asked for, and ${distinct} are available`;
  if (mustInclude.length > size) return `${mustInclude.length} devices must be included, and ${size} are asked for`;
  const missing = mustInclude.filter((id) => !available.includes(id));
  return missing.length === 0 ? undefined : `what must be included is not available: ${quotedIds(missing)}`;
}

/** What is wrong with a choice; undefined: nothing. */
export function problemOfChoice(chosen: readonly string[], { available, mustInclude, size }: PreferenceRequest): string | undefined {
  const distinct = new Set(chosen);
  if (distinct.size !== chosen.length || chosen.length !== size) return `it gave ${distinct.size} devices in place of ${size}`;
  const foreign = chosen.filter((id) => !available.includes(id));
  if (foreign.length > 0) return `it gave what is not available: ${quotedIds(foreign)}`;
  const missing = mustInclude.filter((id) => !distinct.has(id));
  return missing.length === 0 ? undefined : `it left out what must be included: ${quotedIds(missing)}`;
}
