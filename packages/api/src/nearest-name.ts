import { closest, distance } from 'fastest-levenshtein';

/** What was probably meant by a name that isn't known: the one that differs by few letters, whatever their case; undefined where none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const lower = new Map(known.map((each) => [each.toLowerCase(), each]));
  const nearest = closest(name.toLowerCase().slice(0, 64), [...lower.keys()]);
  const near = nearest !== undefined && distance(name.toLowerCase(), nearest) <= Math.max(1, Math.floor(nearest.length / 3));
  return near ? lower.get(nearest) : undefined;
}
