import { expect, it } from 'vitest';
import { ToldOnce } from './told-once.ts';

it('tells what comes again and again once in an hour', () => {
  const log: string[] = [];
  let now = 0;
  const told = new ToldOnce(
    (message) => void log.push(message),
    () => now,
  );
  for (now of [0, 1, 3_599_999]) told.tell('lost');
  expect(log).toEqual(['lost']);
  now = 3_600_000;
  told.tell('lost');
  expect(log).toEqual(['lost', 'lost']);
});

it('tells what begins and what ends', () => {
  const log: string[] = [];
  const told = new ToldOnce((message) => void log.push(message));
  for (const messages of [['a'], ['a', 'b'], ['b'], [], ['a']]) told.are(messages);
  expect(log).toEqual(['a', 'b', 'no longer: a', 'no longer: b', 'a']);
});
