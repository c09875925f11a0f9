import { expect, it } from 'vitest';
import { stableMessage } from './stable-message.ts';

const [first, second] = ['0a1b2c3d'.repeat(8), '4e5f6071'.repeat(8)];
const nameOf = (id: string) => (id === first ? 'main' : '<id>');

it.each<[where: string, message: string, stable: string]>([
  ['by itself', `failed to start container "${first}": no such file`, 'failed to start container "main": no such file'],
  ['of something unknown', `cni: sandbox "${second}": no address`, 'cni: sandbox "<id>": no address'],
  ['in a path', `/run/x/${first}/config.json is gone`, '/run/x/main/config.json is gone'],
  ['behind a name', `container main (${first.slice(0, 12)}): no such file`, 'container main: no such file'],
  ['cut short', `sandbox ${second.slice(0, 12)}: no cgroup`, 'sandbox <id>: no cgroup'],
  ['of an image stays', `image a@sha256:${second}: not found`, `image a@sha256:${second}: not found`],
  ['that only looks like a short one stays', 'image a:0123456789ab: not found', 'image a:0123456789ab: not found'],
])('an id %s', (_where, message, stable) => {
  expect(stableMessage(message, nameOf)).toBe(stable);
});

it.each<[where: string, message: string, stable: string]>([
  ['in RFC 3339', 'expired: now 2026-11-22T16:22:24Z is after 2026-01-01T00:00:00.5+01:00', 'expired: now <time> is after <time>'],
  ['of klog', 'it ended with 1: E1122 16:22:24.123456   4711 main.go:33] no region', 'it ended with 1: main.go:33] no region'],
  ['of a Go program', 'it ended with 1: 2026/11/22 16:22:24 no region', 'it ended with 1: no region'],
  ['of runc', 'runc: time="2026-11-22T16:22:24Z" level=error msg="no file"', 'runc: level=error msg="no file"'],
  ['that is only a date stays', 'image a:2026-11-22: not found', 'image a:2026-11-22: not found'],
])('a time %s', (_where, message, stable) => {
  expect(stableMessage(message, nameOf)).toBe(stable);
});
