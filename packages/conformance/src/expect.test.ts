import { describe, expect, it } from 'vitest';
import { expectAllIn, expectDistinct } from './expect.ts';

describe('expectAllIn', () => {
  it('names those that are not there', () => {
    expect(() => expectAllIn(['a', 'b'], ['b', 'a', 'c'], 'missing')).not.toThrow();
    expect(() => expectAllIn(['a', 'b', 'd'], ['b'], 'missing')).toThrow(/^missing: a, d$/);
  });
});

describe('expectDistinct', () => {
  it('names those that are there again', () => {
    expect(() => expectDistinct(['a', 'b'], 'given again')).not.toThrow();
    expect(() => expectDistinct(['a', 'b', 'a', 'a'], 'given again')).toThrow(/^given again: a$/);
  });
});
