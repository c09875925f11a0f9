import type { PreferenceRequest } from '@berth/sdk/device';

/** More sets than these aren't gone through: then the set is put together one by one. */
const mostSets = 5000;

type NumaNodeOf = (id: string) => number | undefined;
/** How closely two devices are linked. */
type Score = (first: string, second: string) => number;

/**
 * Chooses whole devices: the set with the closest links within it; of equal ones that on the fewest NUMA nodes, then the one least linked to what is left,
 * so that the next container finds a good set, too; then the first in the order of `available`.
 */
export function chooseLinked(request: PreferenceRequest, numaNodeOf: NumaNodeOf, score: Score): string[] {
  const { available, mustInclude, size } = request;
  const others = available.filter((id) => !mustInclude.includes(id));
  const missing = size - mustInclude.length;
  if (missing <= 0 || others.length < missing) return [...mustInclude, ...others.slice(0, Math.max(0, missing))];
  const judge = new Judge(available, numaNodeOf, score);
  return countOfSets(others.length, missing) <= mostSets
    ? judge.best(setsOf(others, missing, mustInclude))
    : oneByOne(mustInclude, others, missing, judge);
}

/** Adds the device that makes the best set, over and over. */
function oneByOne(begun: readonly string[], others: readonly string[], missing: number, judge: Judge): string[] {
  let chosen = [...begun];
  for (let left = missing; left > 0; left--) chosen = judge.best(others.filter((id) => !chosen.includes(id)).map((id) => [...chosen, id]));
  return chosen;
}

/** What a set is worth, the most important first. */
type Worth = readonly [linksWithin: number, numaNodes: number, linksOutside: number];

class Judge {
  readonly #available: readonly string[];
  readonly #numaNodeOf: NumaNodeOf;
  readonly #score: Score;

  constructor(available: readonly string[], numaNodeOf: NumaNodeOf, score: Score) {
    this.#available = available;
    this.#numaNodeOf = numaNodeOf;
    this.#score = score;
  }

  /** The first of the best ones. */
  best(sets: Iterable<string[]>): string[] {
    let best: { set: string[]; worth: Worth } | undefined;
    for (const set of sets) {
      const worth = this.#worthOf(set);
      if (best === undefined || isMore(worth, best.worth)) best = { set, worth };
    }
    return best?.set ?? [];
  }

  #worthOf(set: readonly string[]): Worth {
    const inside = new Set(set);
    const outside = this.#available.filter((id) => !inside.has(id));
    const within = set.flatMap((first, index) => set.slice(index + 1).map((second) => this.#score(first, second)));
    const across = set.flatMap((first) => outside.map((second) => this.#score(first, second)));
    return [sum(within), -new Set(set.map(this.#numaNodeOf)).size, -sum(across)];
  }
}

function isMore(first: Worth, second: Worth): boolean {
  const differing = first.findIndex((value, index) => value !== second[index]);
  return differing >= 0 && (first[differing] ?? 0) > (second[differing] ?? 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** How many sets of `size` there are; some number above `mostSets` where there are more. */
function countOfSets(of: number, size: number): number {
  let count = 1;
  for (let index = 0; index < Math.min(size, of - size) && count <= mostSets; index++) count = (count * (of - index)) / (index + 1);
  return count;
}

/** All sets of `size` more than have begun, in the order of `of`. */
function* setsOf(of: readonly string[], size: number, begun: readonly string[]): Generator<string[], void> {
  if (size === 0) {
    yield [...begun];
    return;
  }
  for (const [index, id] of of.slice(0, of.length - size + 1).entries()) yield* setsOf(of.slice(index + 1), size - 1, [...begun, id]);
}
