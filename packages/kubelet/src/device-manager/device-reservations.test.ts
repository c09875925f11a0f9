import { ContainerAllocateResponse } from '@berth/sdk/device/protocol';
import { beforeEach, expect, it } from 'vitest';
import { type Asks, resourcePod } from '../../testing/resource-pods.ts';
import { resourceContainers, uidOf } from '../pod.ts';
import type { TopologyHint } from '../topology-manager/hint-provider.ts';
import { DeviceHoldings } from './device-holdings.ts';
import { DeviceReservations } from './device-reservations.ts';
import { deviceNear } from './device-set.ts';

const resource = 'vendor.example/thing';
const anywhere: TopologyHint = { affinity: undefined, preferred: true };

let holdings: DeviceHoldings;
let reservations: DeviceReservations;

beforeEach(() => {
  holdings = new DeviceHoldings();
  holdings.setDevices(resource, new Map(['a', 'b', 'c', 'd'].map((id, index) => [id, deviceNear([index % 2])])));
  reservations = new DeviceReservations({
    holdings,
    numaNodes: () => [0, 1],
    isAwaited: () => false,
    nameOfPod: (uid) => `default/${uid}`,
  });
});

const asks = (count: number): Asks => ({ [resource]: `${count}` });

/** Gives the first refusal's message. */
function admit(pod: ReturnType<typeof resourcePod>, hint = anywhere): string | undefined {
  for (const container of resourceContainers(pod)) {
    const refusal = reservations.allocate(pod, container, hint);
    if (refusal) return refusal.message;
  }
  return undefined;
}

const idsOf = (uid: string) => Object.fromEntries(holdings.ofPod(uid).map(({ container, ids }) => [container, [...ids]]));

it('what an init container had goes to one of those after it, and to one only', () => {
  const pod = resourcePod('p', { init: { init: asks(2) }, sidecars: { side: asks(1) }, containers: { one: asks(1), other: asks(2) } });
  expect(admit(pod)).toBeUndefined();
  expect(idsOf('p')).toEqual({ init: ['a', 'b'], side: ['a'], one: ['b'], other: ['c', 'd'] });
});

it('a container that is given others later gets none that another one has', () => {
  const pod = resourcePod('p', { init: { init: asks(1) }, containers: { one: asks(1), other: asks(1) } });
  const has = (container: string, id: string) =>
    holdings.put({ uid: 'p', container, resource, ids: [id], answer: ContainerAllocateResponse.create() });
  has('init', 'a');
  has('other', 'a');
  expect(admit(pod)).toBeUndefined();
  expect(idsOf('p')).toEqual({ init: ['a'], other: ['a'], one: ['b'] });
});

it('takes devices near to where the pod is to run first', () => {
  expect(admit(resourcePod('p', { containers: { main: asks(3) } }), { affinity: 0b10, preferred: true })).toBeUndefined();
  expect(idsOf('p')).toEqual({ main: ['b', 'd', 'a'] });
});

it.each([
  ['are too few', () => undefined, 5, 'requested number of devices unavailable for vendor.example/thing. Requested: 5, Available: 4'],
  [
    'are unhealthy',
    () => holdings.setDevices(resource, new Map([['a', deviceNear([], false)]])),
    1,
    'requested number of devices unavailable for vendor.example/thing. Requested: 1, Available: 0',
  ],
  [
    'may be those of a pod of which that is not known any more',
    () => holdings.addUnknownDevices({ uid: 'lost', container: 'main', resource }),
    1,
    "Requested: 1, Available: 0; which devices these pods have is not known any more, since the device manager's checkpoint was lost: default/lost; end them",
  ],
  [
    'were of a plugin that has gone for good',
    () => {
      holdings.put({ uid: 'other', container: 'main', resource, ids: ['a'] });
      holdings.removeResource(resource);
    },
    1,
    'cannot allocate unregistered device vendor.example/thing',
  ],
  [
    'are others than before',
    () => holdings.put({ uid: 'p', container: 'main', resource, ids: ['a', 'b'] }),
    1,
    'pod "p" container "main" changed request for resource "vendor.example/thing" from 2 to 1',
  ],
])('refuses a pod whose devices %s', (_, arrange, count, message) => {
  arrange();
  expect(admit(resourcePod('p', { containers: { main: asks(count) } }))).toContain(message);
});

it('has nothing to do with a resource that no plugin has', () => {
  const pod = resourcePod('p', { containers: { main: { 'other.example/thing': '9' } } });
  expect([admit(pod), ...resourceContainers(pod).map((container) => reservations.lacks(pod, container))]).toEqual([undefined, false]);
});

it('hints at the nodes of what the container has, and of what it could have', () => {
  const pod = resourcePod('p', { containers: { main: asks(2) } });
  const [main] = resourceContainers(pod);
  if (!main) throw new Error('the pod has no container');
  const preferred = () => reservations.containerHints(pod, main).get(resource);
  expect(preferred()).toEqual([
    { affinity: 0b01, preferred: true },
    { affinity: 0b10, preferred: true },
    { affinity: 0b11, preferred: false },
  ]);
  expect(reservations.podHints(pod).get(resource)).toEqual(preferred());
  reservations.allocate(pod, main, { affinity: 0b10, preferred: true });
  expect(preferred()).toEqual([
    { affinity: 0b10, preferred: true },
    { affinity: 0b11, preferred: false },
  ]);
  reservations.release(uidOf(pod));
  expect(reservations.holders()).toEqual([]);
});
