import { expect, it } from 'vitest';
import { possibleSession } from './process-session.ts';

it.each([
  [{ stdin: true, tty: true }, true, true],
  [{ stdin: true, tty: true }, false, false],
  [{ stdin: false, tty: true }, false, true],
  [{ stdin: true, tty: false }, false, false],
])('%j with input from a terminal: %s has a terminal: %s', (asked, isTTY, tty) => {
  expect(possibleSession(asked, { isTTY })).toMatchObject({ stdin: asked.stdin, tty });
});

it('says so where a terminal is asked for and the input is none', () => {
  expect(possibleSession({ stdin: true, tty: true }, {}).warning).toMatch(/standard input is not a terminal/);
});
