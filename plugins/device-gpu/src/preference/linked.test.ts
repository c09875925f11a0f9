import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseLinked } from './linked.ts';

const ids = (text: string) => text.split('');

/** Eight GPUs: a to d on NUMA node 0, e to h on 1; a-b, c-d, e-f and g-h each on a switch. */
const node = (id: string) => (id < 'e' ? 0 : 1);
const bySwitch = (first: string, second: string) =>
  Math.floor(first.charCodeAt(0) / 2 + 0.5) === Math.floor(second.charCodeAt(0) / 2 + 0.5) ? 50 : node(first) === node(second) ? 30 : 10;

describe('of eight GPUs on switches of two NUMA nodes', () => {
  it.each([
    ['abcdefgh', '', 2, 'ab'],
    ['abcdefgh', '', 4, 'abcd'],
    ['abcdefgh', 'c', 2, 'cd'],
    ['abcdefgh', 'h', 4, 'efgh'],
    ['bcdefgh', '', 2, 'cd'],
    ['bdfh', '', 2, 'bd'],
    // A GPU that is alone on its switch leaves whole pairs for the next.
    ['abcdefg', '', 1, 'g'],
    ['acdefgh', '', 1, 'a'],
    // Three of one node, not a pair and one of the other.
    ['abdefh', '', 3, 'abd'],
    ['abcdefgh', '', 8, 'abcdefgh'],
    ['abc', '', 0, ''],
    ['abc', 'ab', 2, 'ab'],
  ])('%s with %j, %i of them: %s', (available, mustInclude, size, chosen) => {
    const answer = chooseLinked({ available: ids(available), mustInclude: ids(mustInclude), size }, node, bySwitch);
    expect(answer.toSorted().join('')).toBe(chosen);
  });
});

it('prefers NVLinks to a common NUMA node', () => {
  const score = (first: string, second: string) => ([first, second].toSorted().join('') === 'ae' ? 400 : bySwitch(first, second));
  expect(chooseLinked({ available: ids('abef'), mustInclude: [], size: 2 }, node, score).toSorted()).toEqual(['a', 'e']);
});

it('of sets that are linked alike takes one of a single NUMA node', () => {
  const nodes: Record<string, number> = { a: 0, b: 1, c: 0 };
  expect(
    chooseLinked(
      { available: ids('abc'), mustInclude: [], size: 2 },
      (id) => nodes[id],
      () => 100,
    ),
  ).toEqual(['a', 'c']);
});

it('chooses among many without going through all sets', () => {
  const many = Array.from({ length: 64 }, (_, index) => `gpu${index}`);
  const group = (id: string) => Math.floor(Number(id.slice(3)) / 8);
  const score = (first: string, second: string) => (group(first) === group(second) ? 100 : 1);
  const chosen = chooseLinked({ available: many.toReversed(), mustInclude: ['gpu19'], size: 8 }, () => 0, score);
  expect(new Set(chosen.map(group))).toEqual(new Set([2]));
});

const requests = fc
  .record({
    available: fc.uniqueArray(fc.integer({ min: 0, max: 99 }).map(String), { maxLength: 12 }),
    share: fc.nat(100),
    musts: fc.nat(100),
  })
  .map(({ available, share, musts }) => {
    const size = Math.round((available.length * share) / 100);
    return { available, size, mustInclude: available.slice(0, Math.round((size * musts) / 100)) };
  });
const scores = fc.func(fc.nat(500)).map((value) => (first: string, second: string) => value([first, second].toSorted().join()));

it('gives as many different ones of those available as are asked for, with those that must be', () => {
  fc.assert(
    fc.property(requests, scores, (request, score) => {
      const chosen = chooseLinked(request, (id) => Number(id) % 2, score);
      expect(chosen).toHaveLength(request.size);
      expect(new Set(chosen).size).toBe(request.size);
      expect(request.available).toEqual(expect.arrayContaining(chosen));
      expect(chosen).toEqual(expect.arrayContaining(request.mustInclude));
    }),
  );
});

it('gives a set that no other is linked closer than', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.constantFrom(...ids('abcdefg')), { minLength: 4, maxLength: 7 }), scores, (available, score) => {
      const within = (set: readonly string[]) =>
        set.flatMap((first, index) => set.slice(index + 1).map((second) => score(first, second))).reduce((a, b) => a + b, 0);
      const chosen = chooseLinked({ available, mustInclude: [], size: 3 }, () => 0, score);
      const triples = available
        .flatMap((a) => available.flatMap((b) => available.map((c) => [a, b, c])))
        .filter((each) => new Set(each).size === 3);
      expect(within(chosen)).toBe(Math.max(...triples.map(within)));
    }),
  );
});
