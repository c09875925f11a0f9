import { expect, it } from 'vitest';
import { matchesImage } from './image-pattern.ts';

it.each([
  ['registry.example', 'registry.example/team/app', true],
  ['registry.example', 'registry.example:5000/team/app', false],
  ['registry.example:5000', 'registry.example:5000/team/app', true],
  ['registry.example/team', 'registry.example/team/app', true],
  ['registry.example/team', 'registry.example/other/app', false],
  ['*.registry.example', 'eu.registry.example/app', true],
  ['*.registry.example', 'registry.example/app', false],
  ['*.registry.example', 'a.eu.registry.example/app', false],
  ['*.*.registry.example', 'a.eu.registry.example/app', true],
  ['pre*.example/x', 'prefix.example/xyz', true],
  ['123456789.dkr.ecr.*.amazonaws.com', '123456789.dkr.ecr.eu-west-1.amazonaws.com/app', true],
])('the pattern %s on %s: %s', (pattern, repository, expected) => {
  expect(matchesImage(pattern, repository)).toBe(expected);
});
