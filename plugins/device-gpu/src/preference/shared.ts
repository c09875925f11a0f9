import type { PreferenceRequest } from '@berth/sdk/device';

/** Whether containers that get parts of GPUs are put on few of them or on many. */
export const sharingPolicies = ['distributed', 'packed'] as const;
export type SharingPolicy = (typeof sharingPolicies)[number];

/**
 * Chooses among parts of wholes: replicas of GPUs, or MIG devices. `wholes` has the whole of every part, free or not. `distributed` takes from the whole
 * that has the fewest parts in use, `packed` from the one that has the most. Of equal ones the first in the order of `wholes`.
 */
export function chooseShared(
  { available, mustInclude, size }: PreferenceRequest,
  wholes: ReadonlyMap<string, string>,
  policy: SharingPolicy,
): string[] {
  const free = new Map<string, string[]>([...wholes.values()].map((whole) => [whole, []]));
  const places = new Map([...wholes.keys()].map((id, place) => [id, place]));
  const inOrder = available.toSorted((first, second) => (places.get(first) ?? 0) - (places.get(second) ?? 0));
  for (const id of inOrder) if (!mustInclude.includes(id)) free.get(wholes.get(id) ?? '')?.push(id);
  const used = usedParts(wholes, free);
  const chosen = [...mustInclude];
  while (chosen.length < size) {
    const candidates = [...free].filter(([, parts]) => parts.length > 0).map(([whole]) => whole);
    const best = bestOf(candidates, (whole) => (policy === 'packed' ? (used.get(whole) ?? 0) : -(used.get(whole) ?? 0)));
    const part = best === undefined ? undefined : free.get(best)?.shift();
    if (best === undefined || part === undefined) break;
    chosen.push(part);
    used.set(best, (used.get(best) ?? 0) + 1);
  }
  return chosen;
}

function usedParts(wholes: ReadonlyMap<string, string>, free: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const used = new Map<string, number>();
  for (const whole of wholes.values()) used.set(whole, (used.get(whole) ?? 0) + 1);
  for (const [whole, parts] of free) used.set(whole, (used.get(whole) ?? 0) - parts.length);
  return used;
}

/** The first of those with the highest value. */
function bestOf(candidates: readonly string[], worth: (candidate: string) => number): string | undefined {
  let best: string | undefined;
  for (const candidate of candidates) if (best === undefined || worth(candidate) > worth(best)) best = candidate;
  return best;
}
