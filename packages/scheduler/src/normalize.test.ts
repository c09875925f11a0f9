import { describe, expect, it } from 'vitest';
import { normalizeByGreatest, normalizeReversed } from './normalize.ts';

describe('normalizing', () => {
  it('makes the greatest 100, and the others their part of it, rounded down', () => {
    expect(normalizeByGreatest([0, 1, 2, 3])).toEqual([0, 33, 66, 100]);
    expect(normalizeByGreatest([0, 0])).toEqual([0, 0]);
    expect(normalizeByGreatest([])).toEqual([]);
  });

  it('turned around makes 0 the best', () => {
    expect(normalizeReversed([0, 1, 2, 3])).toEqual([100, 67, 34, 0]);
    expect(normalizeReversed([0, 0])).toEqual([100, 100]);
  });

  it('stays exact for scores as great as they come', () => {
    expect(normalizeByGreatest([Number.MAX_SAFE_INTEGER, 90_071_992_547_409])).toEqual([100, 0]);
    expect(normalizeByGreatest([Number.MAX_SAFE_INTEGER, 90_071_992_547_410])).toEqual([100, 1]);
  });
});
