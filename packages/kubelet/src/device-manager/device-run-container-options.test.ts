import { ContainerAllocateResponse } from '@berth/sdk/device/protocol';
import { expect, it } from 'vitest';
import { mergeAllocateResponses } from './device-run-container-options.ts';

type Answer = Parameters<typeof ContainerAllocateResponse.fromPartial>[0];

function merge(...answers: Answer[]) {
  return mergeAllocateResponses(
    answers.map((answer, index) => ({ resource: `vendor.example/r${index}`, answer: ContainerAllocateResponse.fromPartial(answer) })),
  );
}

it('puts everything together, and what two say alike once', () => {
  const device = { hostPath: '/dev/a', containerPath: '/dev/a', permissions: 'rw' };
  const grant = merge(
    {
      envs: { A: '1' },
      devices: [device],
      mounts: [{ containerPath: '/lib/a', hostPath: '/opt/a', readOnly: true }],
      cdiDevices: [{ name: 'v.example/c=1' }],
    },
    {
      envs: { A: '1', B: '2' },
      devices: [device],
      annotations: { k: 'v' },
      cdiDevices: [{ name: 'v.example/c=1' }, { name: 'v.example/c=2' }],
    },
  );
  expect([...grant.variables]).toEqual([
    ['A', '1'],
    ['B', '2'],
  ]);
  expect([...grant.annotations]).toEqual([['k', 'v']]);
  expect(grant.devices).toMatchObject([device]);
  expect(grant.mounts).toMatchObject([{ containerPath: '/lib/a', hostPath: '/opt/a', readonly: true }]);
  expect(grant.cdiDevices.map(({ name }) => name)).toEqual(['v.example/c=1', 'v.example/c=2']);
});

it.each<[what: string, one: Answer, other: Answer]>([
  ['the variable A', { envs: { A: '1' } }, { envs: { A: '2' } }],
  ['the annotation k', { annotations: { k: '1' } }, { annotations: { k: '2' } }],
  ['the mount at /a', { mounts: [{ containerPath: '/a', hostPath: '/x' }] }, { mounts: [{ containerPath: '/a', hostPath: '/y' }] }],
  [
    'the device at /dev/a',
    { devices: [{ containerPath: '/dev/a', hostPath: '/dev/x', permissions: 'r' }] },
    { devices: [{ containerPath: '/dev/a', hostPath: '/dev/x', permissions: 'rw' }] },
  ],
])('refuses %s given in two ways', (what, one, other) => {
  expect(() => merge(one, other)).toThrow(`${what} is given differently for vendor.example/r0 and for vendor.example/r1`);
});

it.each<[what: string, answer: Answer, message: RegExp]>([
  ['a relative path', { mounts: [{ containerPath: 'a', hostPath: '/x' }] }, /the mount has the path "a" in the container/],
  [
    'a path that leads upwards',
    { mounts: [{ containerPath: '/a', hostPath: '/x/../../etc' }] },
    /the mount has the path "\/x\/\.\.\/\.\.\/etc" in the host/,
  ],
  [
    'a NUL in a path',
    { devices: [{ containerPath: '/a', hostPath: '/x\0', permissions: 'r' }] },
    /the device has the path "\/x\\u0000" in the host/,
  ],
  ['permissions that are none', { devices: [{ containerPath: '/a', hostPath: '/x', permissions: 'rx' }] }, /the permissions "rx"/],
  ['no permissions', { devices: [{ containerPath: '/a', hostPath: '/x' }] }, /the permissions ""/],
  ['a variable without a name', { envs: { '': '1' } }, /the environment variable "" has no name/],
  ['a CDI device without a vendor', { cdiDevices: [{ name: 'gpu' }] }, /"gpu" is no name in the Container Device Interface/],
  ['a CDI device that no runtime knows', { cdiDevices: [{ name: 'vendor.example/gpu=0-' }] }, /"vendor\.example\/gpu=0-" is no name/],
])('refuses %s', (_, answer, message) => {
  expect(() => merge(answer)).toThrow(message);
});
