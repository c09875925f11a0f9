import { invalid, type Keys } from '@berth/sdk/cni/keys';

/** The VLANs of `vlanTrunk`, whose entries name one by `id`, a range by `minID` and `maxID`, or both; in order, each once. */
export function readVlanTrunk(entries: Keys[], largest: number): number[] {
  const vlans = entries.flatMap((entry) => {
    const [id, first, last] = [entry.integer('id', 1, largest), entry.integer('minID', 1, largest), entry.integer('maxID', 1, largest)];
    return [...(id === undefined ? [] : [id]), ...rangeOf(entry, first, last)];
  });
  return [...new Set(vlans)].sort((a, b) => a - b);
}

function rangeOf(entry: Keys, first: number | undefined, last: number | undefined): number[] {
  if (first === undefined && last === undefined) return [];
  if (first === undefined) throw invalid(entry.path('minID'), 'is missing', 'a range has minID and maxID');
  if (last === undefined) throw invalid(entry.path('maxID'), 'is missing', 'a range has minID and maxID');
  if (last < first) throw invalid(entry.path('maxID'), `${last} is less than minID, ${first}`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
