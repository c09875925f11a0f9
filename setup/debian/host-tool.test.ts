import { expect, it } from 'vitest';
import { findOnHost, isAtLeast, suitableOnHost } from './host-tool.mjs';

it.each([
  ['1.1.5', '1.1.0', true],
  ['1.1', '1.1.0', true],
  ['1.0.9', '1.1.0', false],
  ['1.10.0', '1.9.3', true],
  ['2', '1.9', true],
  [undefined, '1.0', false],
])('version %s is at least %s: %s', (version, minimum, expected) => {
  expect(isAtLeast(version, minimum)).toBe(expected);
});

it('finds a program by its name, and no folder or missing one', () => {
  expect(findOnHost('sh')).toMatch(/^\/.*\/sh$/);
  expect(findOnHost('..')).toBeUndefined();
  expect(findOnHost('no-such-program')).toBeUndefined();
});

it('takes a program only if its own version output is new enough', () => {
  const node = { name: 'node', package: 'nodejs', neededBy: 'node' as const };
  expect(suitableOnHost({ ...node, minimum: '1.0.0' })).toBe(findOnHost('node'));
  expect(suitableOnHost({ ...node, minimum: '999.0.0' })).toBeUndefined();
});

it('takes no dynamically linked program where a static one is needed', () => {
  expect(suitableOnHost({ name: 'sh', package: 'busybox-static', neededBy: 'node', static: true })).toBeUndefined();
});
