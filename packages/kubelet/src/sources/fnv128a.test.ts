import { expect, it } from 'vitest';
import { fnv128a } from './fnv128a.ts';

// From the test vectors that come with FNV's specification.
it.each([
  ['', '6c62272e07bb014262b821756295c58d'],
  ['a', 'd228cb696f1a8caf78912b704e4a8964'],
  ['foobar', '343e1662793c64bf6f0d3597ba446f18'],
])('%j', (text, hash) => {
  expect(fnv128a(text)).toBe(hash);
});

it('texts one after the other are one text', () => {
  expect(fnv128a('foo', 'bar')).toBe(fnv128a('foobar'));
});
