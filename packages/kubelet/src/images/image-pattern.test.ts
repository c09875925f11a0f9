import { expect, it } from 'vitest';
import { matchesImage, repositoryOf } from './image-pattern.ts';

it.each([
  ['busybox', 'docker.io/library/busybox'],
  ['busybox:1.36', 'docker.io/library/busybox'],
  ['team/app@sha256:abc', 'docker.io/team/app'],
  ['index.docker.io/team/app:1', 'docker.io/team/app'],
  ['localhost/busybox:1', 'localhost/busybox'],
  ['127.0.0.1:5000/team/app:1@sha256:abc', '127.0.0.1:5000/team/app'],
  ['registry.example/a/b/c', 'registry.example/a/b/c'],
])('the image %s is of the repository %s', (image, repository) => {
  expect(repositoryOf(image)).toBe(repository);
});

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
