import { describe, expect, it } from 'vitest';
import { findById, matchesLabels, nanoseconds } from './identifiers.ts';

const items = new Map([
  ['abc1', 1],
  ['abd2', 2],
]);

describe('findById', () => {
  it('finds by the whole id and by its unique start', () => {
    expect(findById(items, 'abc1', 'sandbox')).toBe(1);
    expect(findById(items, 'abd', 'sandbox')).toBe(2);
  });

  it('finds nothing for an unknown id, an empty one, or a path', () => {
    for (const reference of ['ff', '', '../abc1', 'abc1/..', 'ABC']) expect(findById(items, reference, 'sandbox')).toBeUndefined();
  });

  it('says that a start is not unique', () => {
    expect(() => findById(items, 'ab', 'sandbox')).toThrow(/sandbox ab: 2 ids start with it/);
  });
});

describe('nanoseconds', () => {
  it('keeps microseconds, and is 0 for what has not happened', () => {
    expect(nanoseconds(1_700_000_000_000.25)).toBe(1_700_000_000_000_250_000n);
    expect(nanoseconds(undefined)).toBe(0n);
  });
});

describe('matchesLabels', () => {
  it('wants every label of the selector', () => {
    expect(matchesLabels({ a: '1', b: '2' }, { a: '1' })).toBe(true);
    expect(matchesLabels({ a: '1' }, { a: '1', b: '2' })).toBe(false);
    expect(matchesLabels({}, {})).toBe(true);
  });
});
