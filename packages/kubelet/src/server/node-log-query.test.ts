import { expect, it } from 'vitest';
import { readNodeLogQuery } from './node-log-query.ts';

const read = (text: string) => readNodeLogQuery(new URLSearchParams(text));

it.each(['', 'other=1'])('%j is no query', (text) => {
  expect(read(text)).toBeUndefined();
});

it.each([
  ['query=a&query=b%40c', { services: ['a', 'b@c'] }],
  ['query=a&query=', { services: ['a'] }],
  ['query=/a.log', { services: [], file: '/a.log' }],
  ['query=a&tailLines=0&boot=0&pattern=x', { services: ['a'], tailLines: 0, boot: 0, pattern: 'x' }],
])('%s', (text, query) => {
  expect(read(text)).toEqual(query);
});

it.each([
  ['query=', 'query cannot be empty'],
  ['tailLines=5', 'query cannot be empty'],
  ['query=a&query=/b', 'cannot specify a file and service'],
  ['query=/a&query=/b', 'cannot specify more than one file'],
  ['query=/a&boot=0', 'cannot specify file with options'],
  ['query=a;b', 'input contains unsupported characters'],
  ['query=a&query=b&query=c&query=d&query=e', 'must have at most 4'],
  ['query=a&tailLines=100001', 'must be between 0 and 100000, inclusive'],
  ['query=a&tailLines=x', 'invalid number'],
  ['query=a&boot=1', 'must be less than 1'],
  ['query=a&sinceTime=yesterday', 'invalid time format'],
  ['query=a&sinceTime=2024-01-02T00:00:00Z&untilTime=2024-01-01T00:00:00Z', 'must be after `sinceTime`'],
])('%s is refused', (text, words) => {
  expect(() => read(text)).toThrow(words);
});
