import { expect, it } from 'vitest';
import { Troubles } from './troubles.ts';

it('what is wrong is told when it begins, and when it begins again', () => {
  const told: string[] = [];
  const troubles = new Troubles((message) => told.push(message));
  for (const messages of [['a'], ['a', 'b', 'b'], ['b'], [], ['b'], ['a', 'b']]) troubles.are(messages);
  expect(told).toEqual(['a', 'b', 'b', 'a']);
});
