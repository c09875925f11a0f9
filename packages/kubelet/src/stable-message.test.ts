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
