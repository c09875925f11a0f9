import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseDevices, type DeviceCandidates, preferenceRequest } from './choose-devices.ts';
import { type DeviceSet, deviceNear } from './device-set.ts';

const devices: DeviceSet = new Map([
  ['a', deviceNear([0])],
  ['b', deviceNear([0, 1])],
  ['c', deviceNear([1])],
  ['d', deviceNear([])],
  ['sick', deviceNear([0], false)],
]);
const candidates = (more: Partial<DeviceCandidates>): DeviceCandidates => ({
  devices,
  count: 1,
  available: ['d', 'c', 'b', 'a'],
  reusable: [],
  affinity: undefined,
  ...more,
});

describe('the devices of a container', () => {
  it.each<[rule: string, candidates: DeviceCandidates, preferred: string[], expected: string[] | undefined]>([
    ['those near to where it runs come first', candidates({ affinity: 1, count: 2 }), [], ['a', 'b']],
    ['then others that are near to something, then the rest', candidates({ affinity: 1, count: 4 }), [], ['a', 'b', 'c', 'd']],
    ['without a place those near to fewer nodes come first', candidates({ count: 3 }), [], ['c', 'a', 'b']],
    ['what its plugin prefers goes before', candidates({ count: 2 }), ['d', 'b'], ['d', 'b']],
    ['but only among those near to where it runs, where they are enough', candidates({ affinity: 1 }), ['c'], ['a']],
    ['and not where they are just enough', candidates({ affinity: 1, count: 2 }), ['c', 'd'], ['a', 'b']],
    ['where they are too few, among those that are taken besides them', candidates({ affinity: 1, count: 3 }), ['d', 'a'], ['a', 'b', 'd']],
    ['what is not free is not given, whatever a plugin prefers', candidates({ available: ['a'] }), ['c', 'nonsense'], ['a']],
    ['those of init containers come before all', candidates({ reusable: ['c'], available: ['a'], count: 2, affinity: 1 }), [], ['c', 'a']],
    ['unless they have become unhealthy', candidates({ reusable: ['sick'] }), ['d'], ['d']],
    ['too few are none', candidates({ available: ['a'], count: 2 }), [], undefined],
  ])('%s', (_rule, asked, preferred, expected) => {
    expect(chooseDevices(asked, preferred)).toEqual(expected);
  });
});

describe('the question for a preference', () => {
  it.each<[when: string, candidates: DeviceCandidates, expected: ReturnType<typeof preferenceRequest>]>([
    ['is about those near to where the container runs', candidates({ affinity: 1 }), { available: ['a', 'b'], mustInclude: [], size: 1 }],
    [
      'or about all, with those in any case, where they are too few',
      candidates({ affinity: 2, count: 3 }),
      { available: ['a', 'd', 'c', 'b'], mustInclude: ['c', 'b'], size: 3 },
    ],
    [
      'holds what is in any case',
      candidates({ reusable: ['c'], available: ['a'], count: 2 }),
      { available: ['a', 'c'], mustInclude: ['c'], size: 2 },
    ],
    ['is not asked where nothing is left to choose', candidates({ reusable: ['c'] }), undefined],
    ['nor where those near to where the container runs are just enough', candidates({ affinity: 2, count: 2 }), undefined],
  ])('%s', (_when, asked, expected) => {
    expect(preferenceRequest(asked)).toEqual(expected);
  });
});

it('a choice has the devices asked for, each once, and none that is not free', () => {
  const ids = fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c', 'd', 'e'));
  const known: DeviceSet = new Map(['a', 'b', 'c', 'd', 'e'].map((id, index) => [id, deviceNear(index === 4 ? [] : [index % 2])]));
  fc.assert(
    fc.property(
      ids,
      ids,
      ids,
      fc.integer({ min: 1, max: 5 }),
      fc.option(fc.constantFrom(1, 2, 3)),
      (free, reusable, preferred, count, affinity) => {
        const available = free.filter((id) => !reusable.includes(id));
        const chosen = chooseDevices({ devices: known, count, available, reusable, affinity: affinity ?? undefined }, preferred);
        if (!chosen) return available.length + reusable.length < count;
        return (
          chosen.length === count && new Set(chosen).size === count && chosen.every((id) => available.includes(id) || reusable.includes(id))
        );
      },
    ),
  );
});
