import { expect, it } from 'vitest';
import { nodesToFind } from './nodes-to-find.ts';

it.each([
  [99, 0, 99],
  [99, 10, 99],
  [100, 0, 100],
  [1000, 0, 420],
  [5000, 0, 500],
  [10_000, 0, 500],
  [5000, 1, 100],
  [5000, 50, 2500],
  [5000, 100, 5000],
])('of %i nodes at %i percent, %i have to be found', (nodes, percentage, wanted) => {
  expect(nodesToFind(nodes, percentage)).toBe(wanted);
});
