import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { SourceProblems } from './source-problems.ts';

it('each problem is told once as long as it lasts, until nobody follows any more', () => {
  const output = new PassThrough();
  const listeners = new Set<() => void>();
  let problems = ['a.yaml: broken'];
  const end = new SourceProblems(output).follow({
    sourceProblems: () => problems,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  const told = (now: string[]): string => {
    problems = now;
    for (const listener of listeners) listener();
    return stripVTControlCharacters(output.read()?.toString() ?? '');
  };
  expect(told(['a.yaml: broken'])).toBe('problem a.yaml: broken\n');
  expect(told(['a.yaml: broken', 'b.yaml: worse'])).toBe('problem b.yaml: worse\n');
  expect(told([])).toBe('');
  expect(told(['a.yaml: broken'])).toBe('problem a.yaml: broken\n');
  end();
  expect([listeners.size, told(['c.yaml: late'])]).toEqual([0, '']);
});
