import { expectSame, expectTrue, present } from '../../expect.ts';
import { unlessRefused } from '../../refusals.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { withCleanUp } from '../../with-clean-up.ts';
import { allocate } from '../allocation.ts';
import type { Device } from '../messages.ts';
import { healthChanges, healthyDevice } from '../needs.ts';
import type { DeviceTarget } from '../target.ts';
import { Watch } from '../watch.ts';

const timeLimitMs = 180_000;
const needs = [healthChanges, healthyDevice];

const unhealthyIn = (devices: Device[]): string[] => devices.filter(({ health }) => health === 'Unhealthy').map(({ ID }) => ID);

function healthCase(
  id: string,
  clause: string,
  proves: string[],
  run: (target: DeviceTarget, unhealthy: Device[], before: Device[]) => Promise<void>,
): Case<DeviceTarget> {
  return {
    id: `health.${id}`,
    group: 'health',
    clause,
    proves: ['Device.health', ...proves],
    needs,
    timeLimitMs,
    exclusive: true,
    run: (target) => target.withUnhealthy((unhealthy, before) => run(target, unhealthy, before)),
  };
}

/** A device fails, and recovers. */
export const healthCases: Case<DeviceTarget>[] = [
  healthCase(
    'told',
    'a device that fails is told of as Unhealthy, or no longer told of (api.proto, ListAndWatch)',
    ['ListAndWatch'],
    async () => undefined,
  ),
  healthCase(
    'others-stay',
    'each list is the whole list: the devices that did not change are in it as before (api.proto, ListAndWatchResponse)',
    ['ListAndWatchResponse.devices'],
    async (_target, now, before) => {
      const missing = before.filter(({ ID }) => !now.some((one) => one.ID === ID)).map(({ ID }) => ID);
      // A device that fails may go away instead.
      const failed = new Set(unhealthyIn(now).length > 0 ? unhealthyIn(now) : missing);
      const others = (devices: Device[]): string[] =>
        devices
          .filter(({ ID }) => !failed.has(ID))
          .map(({ ID, health }) => `${ID} ${health}`)
          .toSorted();
      expectSame(others(now), others(before), 'the devices that did not fail');
    },
  ),
  healthCase(
    'told-to-new-watch',
    'who begins to watch is told the health as it is now (api.proto, ListAndWatch)',
    ['ListAndWatch', 'Watch.again'],
    async (target, now) => {
      const watch = new Watch((await target.plugin()).client);
      await withCleanUp(
        async () =>
          expectSame(unhealthyIn(await watch.first(target.patienceMs)), unhealthyIn(now), 'unhealthy devices that a new watch is told of'),
        () => watch.end(),
      );
    },
  ),
  healthCase(
    'allocate-unhealthy',
    'Allocate of a device that is Unhealthy is refused: the container could not use it (api.proto, AllocateResponse)',
    ['Allocate'],
    async (target, now) => {
      const id = unhealthyIn(now)[0];
      if (id === undefined) throw new SkipCase('a device that fails is no longer told of');
      const answer = await unlessRefused(allocate((await target.plugin()).client, [id]));
      if (answer) throw new SkipCase('it allocates an unhealthy device: no kubelet asks for one, and the API leaves it open');
    },
  ),
  {
    id: 'health.recovers',
    group: 'health',
    clause: 'a device that recovers is told of as Healthy again, and can be allocated (api.proto, ListAndWatch)',
    proves: ['Device.health', 'ListAndWatch', 'Allocate'],
    needs,
    timeLimitMs,
    exclusive: true,
    async run(target) {
      const id = present((await target.healthyIds())[0], 'a healthy device');
      await target.withUnhealthy(async () => undefined);
      expectTrue((await target.healthyIds()).includes(id), `${id} is not told of as Healthy`);
      await allocate((await target.plugin()).client, [id]);
    },
  },
];
