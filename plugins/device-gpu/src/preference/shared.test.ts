import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chooseShared } from './shared.ts';

/** Four parts of each of the GPUs x, y and z: `x::0` to `z::3`. */
const parts = ['x', 'y', 'z'].flatMap((gpu) => [0, 1, 2, 3].map((part) => [`${gpu}::${part}`, gpu] as const));
const wholes = new Map<string, string>(parts);
const without = (...used: string[]) => [...wholes.keys()].filter((id) => !used.includes(id));

it.each([
  ['distributed', without(), [], 3, 'x::0 y::0 z::0'],
  ['distributed', without(), [], 4, 'x::0 y::0 z::0 x::1'],
  ['distributed', without('x::0', 'y::0'), [], 1, 'z::0'],
  ['distributed', without('x::0', 'x::1', 'y::0'), [], 3, 'z::0 y::1 z::1'],
  ['distributed', without(), ['x::2'], 2, 'x::2 y::0'],
  ['packed', without(), [], 3, 'x::0 x::1 x::2'],
  ['packed', without('y::0'), [], 2, 'y::1 y::2'],
  ['packed', without('y::0', 'y::1'), [], 4, 'y::2 y::3 x::0 x::1'],
  ['packed', without(), ['z::3'], 2, 'z::3 z::0'],
] as const)('%s (%#)', (policy, available, mustInclude, size, chosen) => {
  expect(chooseShared({ available, mustInclude, size }, wholes, policy).join(' ')).toBe(chosen);
});

const requests = fc
  .subarray([...wholes.keys()])
  .chain((available) =>
    fc
      .nat(available.length)
      .chain((size) => fc.subarray(available, { maxLength: size }).map((mustInclude) => ({ available, size, mustInclude }))),
  );

it.each(['distributed', 'packed'] as const)('%s gives what is asked for, of what is available', (policy) => {
  fc.assert(
    fc.property(requests, (request) => {
      const chosen = chooseShared(request, wholes, policy);
      expect([chosen.length, new Set(chosen).size]).toEqual([request.size, request.size]);
      expect(request.available).toEqual(expect.arrayContaining(chosen));
      expect(chosen).toEqual(expect.arrayContaining(request.mustInclude));
    }),
  );
});

it('distributed leaves no GPU with two more parts in use than another that had one free', () => {
  fc.assert(
    fc.property(fc.nat(12), (size) => {
      const chosen = chooseShared({ available: [...wholes.keys()], mustInclude: [], size }, wholes, 'distributed');
      const counts = ['x', 'y', 'z'].map((gpu) => chosen.filter((id) => wholes.get(id) === gpu).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }),
  );
});
