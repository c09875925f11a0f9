import { expect, it } from 'vitest';
import { lastLines } from './last-lines.ts';

it.each([
  ['is short', 'one\ntwo', 'one\ntwo'],
  ['is just as long', 'first\n1234', 'first\n1234'],
  ['has too many lines', 'first\nsecond\nthird', '...\nthird'],
  ['has a line that just fits', 'first\n123456', '...\n123456'],
  ['has a line that does not fit', 'first\n1234567', '...1234567'],
  ['is one long line', 'abcdefghijk', '...efghijk'],
])('of a text that %s', (_, text, shown) => {
  expect(lastLines(text, 10)).toBe(shown);
});
