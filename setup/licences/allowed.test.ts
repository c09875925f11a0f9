import { expect, it } from 'vitest';
import { isAllowed } from './allowed.mjs';

it.each(['MIT', '(MIT OR GPL-3.0)', '(Apache-2.0 AND BSD-3-Clause)', 'GPL-2.0 OR ISC'])('allows %s', (expression) => {
  expect(isAllowed(expression)).toBe(true);
});

it.each(['GPL-3.0', 'MIT AND GPL-3.0', 'unknown', 'SEE LICENSE IN LICENSE', '(MIT OR (GPL-3.0 AND ISC))', ''])(
  'refuses %j',
  (expression) => {
    expect(isAllowed(expression)).toBe(false);
  },
);
