import { expectEqual, expectSame } from '../../expect.ts';
import { expectRefused, unlessRefused } from '../../refusals.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { allocate, allocateEach, expectStillAllocates, unknownId } from '../allocation.ts';
import { healthyDevice, healthyDevices } from '../needs.ts';
import type { DeviceTarget } from '../target.ts';

const failure = 'api.proto, AllocateResponse: a request fails where the allocation of one of its devices does';

/** A request that no plugin can answer, and after which it goes on. */
function refusedCase(id: string, clause: string, what: string, requests: (ids: string[]) => string[][]): Case<DeviceTarget> {
  return {
    id: `allocate.${id}`,
    group: 'allocate',
    clause: `${clause} (${failure})`,
    proves: ['Allocate', 'Allocate.refusal', 'ContainerAllocateRequest.devices_ids'],
    needs: [healthyDevice],
    async run(target) {
      const plugin = await target.plugin();
      const containerRequests = requests(await target.healthyIds()).map((devicesIds) => ({ devicesIds }));
      await expectRefused(plugin.client.Allocate({ containerRequests }), what);
      await expectStillAllocates(plugin);
    },
  };
}

/** What containers get for devices. */
export const allocateCases: Case<DeviceTarget>[] = [
  {
    id: 'allocate.one',
    group: 'allocate',
    clause: 'Allocate of one device is answered for one container (api.proto, Allocate; devicemanager, manager.go)',
    proves: [
      'Allocate',
      'AllocateRequest.container_requests',
      'AllocateResponse.container_responses',
      'ContainerAllocateRequest.devices_ids',
    ],
    needs: [healthyDevice],
    async run(target) {
      await allocate((await target.plugin()).client, (await target.healthyIds()).slice(0, 1));
    },
  },
  {
    id: 'allocate.each',
    group: 'allocate',
    clause: 'each healthy device can be allocated: the kubelet counts all of them (device plugins page, Device plugin registration)',
    proves: ['Allocate', 'Device.health'],
    needs: [healthyDevice],
    async run(target) {
      await allocateEach(target);
    },
  },
  {
    id: 'allocate.all-for-one',
    group: 'allocate',
    clause: 'a container can have all healthy devices (api.proto, ContainerAllocateRequest)',
    proves: ['Allocate', 'ContainerAllocateRequest.devices_ids'],
    needs: [healthyDevices(2)],
    async run(target) {
      await allocate((await target.plugin()).client, await target.healthyIds());
    },
  },
  {
    id: 'allocate.containers',
    group: 'allocate',
    clause: 'a request for several containers is answered for each, in their order (api.proto, AllocateRequest)',
    proves: ['AllocateRequest.container_requests', 'AllocateResponse.container_responses'],
    needs: [healthyDevices(2)],
    async run(target) {
      const { client } = await target.plugin();
      const [first = '', second = ''] = await target.healthyIds();
      const ask = async (...ids: string[]): Promise<unknown[]> =>
        (await client.Allocate({ containerRequests: ids.map((id) => ({ devicesIds: [id] })) })).containerResponses;
      const together = await ask(first, second);
      expectEqual(together.length, 2, 'container_responses to a request for two containers');
      const apart = [...(await ask(first)), ...(await ask(second))];
      const again = await ask(first);
      // What is new with each call can't be told apart.
      if (JSON.stringify(again) === JSON.stringify(apart.slice(0, 1)))
        expectSame(together, apart, 'answers for two containers at once, and one by one');
    },
  },
  {
    id: 'allocate.again',
    group: 'allocate',
    clause: 'a device can be allocated again: nobody tells the plugin when a container is gone (api.proto, DevicePlugin, has no such call)',
    proves: ['Allocate', 'Allocate.again'],
    needs: [healthyDevice],
    async run(target) {
      const { client } = await target.plugin();
      const ids = (await target.healthyIds()).slice(0, 1);
      for (let time = 0; time < 3; time++) await allocate(client, ids);
    },
  },
  {
    id: 'allocate.keeps-list',
    group: 'allocate',
    clause: 'a device that was allocated stays in the list, and healthy: the kubelet knows who has it (devicemanager, manager.go)',
    proves: ['Allocate', 'ListAndWatchResponse.devices', 'Allocate.list'],
    needs: [healthyDevice],
    exclusive: true,
    async run(target) {
      const listed = async (): Promise<string[]> => (await target.devices()).map(({ ID, health }) => `${ID} ${health}`).toSorted();
      const before = await listed();
      await allocate((await target.plugin()).client, await target.healthyIds());
      // An answer of the plugin's after Allocate, so that a list that it sent with it has come.
      await (await target.plugin()).client.GetDevicePluginOptions({});
      expectSame(await listed(), before, 'devices after Allocate of all of them');
    },
  },
  refusedCase('unknown', 'Allocate of a device that is not there is refused', 'Allocate of an id that the plugin has not told of', () => [
    [unknownId],
  ]),
  refusedCase(
    'known-and-unknown',
    'a container with a device that is not there gets none',
    'Allocate of a known and an unknown id',
    (ids) => [[...ids.slice(0, 1), unknownId]],
  ),
  refusedCase(
    'unknown-in-second',
    'where one of the containers can not get its device, no container gets any',
    'Allocate for two containers, of an unknown id for the second',
    (ids) => [ids.slice(0, 1), [unknownId]],
  ),
  refusedCase('too-many', 'a container can not get more devices than there are', 'Allocate of all devices and a hundred more', (ids) => [
    [...ids, ...Array.from({ length: 100 }, (_, index) => `${unknownId}-${index}`)],
  ]),
  refusedCase('empty-id', 'the empty id is none', 'Allocate of an empty id', () => [['']]),
  refusedCase('id-with-nul', 'an id that goes on after a NUL is another one', 'Allocate of an id with a NUL behind it', (ids) => [
    [`${ids[0]}\0more`],
  ]),
  refusedCase('long-id', 'an id of 10,000 characters is none', 'Allocate of an id of 10,000 characters', () => [['x'.repeat(10_000)]]),
  refusedCase(
    'other-case',
    'ids are compared to the letter, with what is around them',
    'Allocate of a known id with a space behind it',
    (ids) => [[`${ids[0]} `]],
  ),
  {
    id: 'allocate.duplicate',
    group: 'allocate',
    clause: 'an id that comes twice is refused, or counts once: kubelets send sets (api.proto, ContainerAllocateRequest)',
    proves: ['ContainerAllocateRequest.devices_ids', 'Allocate.refusal'],
    needs: [healthyDevice],
    async run(target) {
      const { client } = await target.plugin();
      const id = (await target.healthyIds())[0] ?? '';
      const answer = await unlessRefused(allocate(client, [id, id]));
      const once = await allocate(client, [id]);
      if (!answer) return;
      expectSame(
        answer.devices.map(({ hostPath }) => hostPath),
        once.devices.map(({ hostPath }) => hostPath),
        'devices for an id that comes twice, and for one that comes once',
      );
    },
  },
  {
    id: 'allocate.no-containers',
    group: 'allocate',
    clause: 'a request for no container is answered for none, or refused (api.proto, AllocateRequest)',
    proves: ['AllocateRequest.container_requests'],
    async run(target) {
      const { client } = await target.plugin();
      const answer = await unlessRefused(client.Allocate({ containerRequests: [] }));
      if (answer) expectEqual(answer.containerResponses.length, 0, 'container_responses to a request for no container');
      await client.GetDevicePluginOptions({});
    },
  },
  {
    id: 'allocate.no-devices',
    group: 'allocate',
    clause: 'a container without devices gets an answer, or is refused (api.proto, ContainerAllocateRequest)',
    proves: ['ContainerAllocateRequest.devices_ids'],
    async run(target) {
      const { client } = await target.plugin();
      const answer = await unlessRefused(allocate(client, []));
      if (answer && answer.devices.length > 0)
        throw new SkipCase('it gives device files to a container that asks for no device, which the API leaves open');
      await client.GetDevicePluginOptions({});
    },
  },
];
