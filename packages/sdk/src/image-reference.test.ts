import { describe, expect, it } from 'vitest';
import { PluginError } from './errors.ts';
import { nameOf, parseReference } from './image-reference.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('parseReference', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['team/app', 'docker.io/team/app:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/team/app:1', 'docker.io/team/app:1'],
    ['localhost/busybox:1', 'localhost/busybox:1'],
    ['localhost:5000/a/b', 'localhost:5000/a/b:latest'],
    ['127.0.0.1:5000/a', '127.0.0.1:5000/a:latest'],
    ['[::1]:5000/a:b', '[::1]:5000/a:b'],
    ['registry.example/a__b/c-d.e--f:v1_2.3-x', 'registry.example/a__b/c-d.e--f:v1_2.3-x'],
    ['Registry/app', 'Registry/app:latest'],
    [`busybox@${digest}`, `docker.io/library/busybox@${digest}`],
    [`registry.example:443/app:v1@${digest}`, `registry.example:443/app@${digest}`],
  ])('reads %s as %s', (text, name) => {
    expect(nameOf(parseReference(text))).toBe(name);
  });

  it('keeps tag and digest apart where both are given', () => {
    expect(parseReference(`app:v1@${digest}`)).toEqual({ domain: 'docker.io', path: 'library/app', tag: 'v1', digest });
  });

  it.each([
    ['', 'it is empty'],
    ['a'.repeat(64), 'an image id, not a name'],
    ['BusyBox', 'has capital letters'],
    ['busybox:', 'the tag "" is malformed'],
    ['busybox:-x', 'the tag "-x" is malformed'],
    [`busybox:${'x'.repeat(129)}`, 'the tag'],
    ['busybox@sha256:12', 'the digest "sha256:12" is malformed'],
    [`busybox@sha256:${'AB'.repeat(32)}`, 'the digest'],
    ['http://registry.example/app', 'malformed'],
    ['registry.example/', 'the repository "" is malformed'],
    ['registry.example//app', 'the repository "/app" is malformed'],
    ['a/../b', 'the repository "a/../b" is malformed'],
    ['/busybox', 'malformed'],
    ['-host.example/app', 'the registry "-host.example" is malformed'],
    ['busy box', 'the repository'],
    ['busybox\n', 'the repository "library/busybox\\n" is malformed'],
    ['evil\u0000.example/app', 'the registry "evil\\u0000.example" is malformed'],
    [`a.example/${'x'.repeat(250)}`, 'longer than 255 characters'],
  ])('refuses %j: %s', (text, reason) => {
    expect(() => parseReference(text)).toThrow(PluginError);
    expect(() => parseReference(text)).toThrow(reason);
  });
});
