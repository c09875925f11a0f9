import { PluginError } from '@berth/sdk/errors';
import { expectAllIn, expectDistinct, expectEqual, expectSame, expectTrue } from '../../expect.ts';
import { unlessRefused } from '../../refusals.ts';
import { type Case, SkipCase } from '../../suite.ts';
import type { ContainerPreferenceRequest } from '../messages.ts';
import { healthyDevice, healthyDevices, offersPreference } from '../needs.ts';
import type { DeviceTarget } from '../target.ts';

const requestClause = 'api.proto, ContainerPreferredAllocationRequest';

/** The choice for one container. Throws unless the answer is for one. */
async function prefer(target: DeviceTarget, request: ContainerPreferenceRequest): Promise<string[]> {
  const { client } = await target.plugin();
  const { containerResponses } = await client.GetPreferredAllocation({ containerRequests: [request] });
  expectEqual(containerResponses.length, 1, 'container_responses to a request for one container');
  return containerResponses[0]?.deviceIDs ?? [];
}

function preferenceCase(
  id: string,
  clause: string,
  proves: string[],
  count: number,
  run: (target: DeviceTarget, ids: string[]) => Promise<void>,
): Case<DeviceTarget> {
  return {
    id: `preference.${id}`,
    group: 'preference',
    clause,
    proves: ['GetPreferredAllocation', ...proves],
    needs: [offersPreference, healthyDevices(count)],
    run: async (target) => run(target, await target.healthyIds()),
  };
}

const size = 'ContainerPreferredAllocationRequest.allocation_size';
const available = 'ContainerPreferredAllocationRequest.available_deviceIDs';
const mustInclude = 'ContainerPreferredAllocationRequest.must_include_deviceIDs';
const chosen = 'ContainerPreferredAllocationResponse.deviceIDs';

/** Which devices a plugin would take, where the kubelet asks it. */
export const preferenceCases: Case<DeviceTarget>[] = [
  preferenceCase(
    'size',
    `the choice has allocation_size devices, each once (${requestClause})`,
    [size, chosen, 'DevicePluginOptions.get_preferred_allocation_available'],
    1,
    async (target, ids) => {
      for (const wanted of new Set([1, Math.ceil(ids.length / 2), ids.length])) {
        const choice = await prefer(target, { availableDeviceIDs: ids, allocationSize: wanted });
        expectEqual(choice.length, wanted, `devices chosen of ${ids.length}, where ${wanted} are wanted`);
        expectDistinct(choice, 'chosen more than once');
      }
    },
  ),
  preferenceCase(
    'available',
    `the choice is made of the available devices alone (${requestClause})`,
    [available, chosen],
    2,
    async (target, ids) => {
      for (const left of [ids.slice(1), ids.slice(0, -1)]) {
        expectAllIn(await prefer(target, { availableDeviceIDs: left, allocationSize: 1 }), left, 'chosen, but not available');
      }
    },
  ),
  preferenceCase(
    'must-include',
    `the choice has all that it must include (${requestClause})`,
    [mustInclude, chosen],
    2,
    async (target, ids) => {
      for (const id of [ids[0] ?? '', ids.at(-1) ?? '']) {
        const choice = await prefer(target, { availableDeviceIDs: ids, mustIncludeDeviceIDs: [id], allocationSize: 2 });
        expectAllIn([id], choice, 'not chosen, though it must be included');
        expectEqual(choice.length, 2, 'devices chosen, with the one that must be included');
      }
    },
  ),
  preferenceCase(
    'must-include-all',
    `a choice of as many as must be included is those (${requestClause})`,
    [mustInclude, size],
    2,
    async (target, ids) => {
      const must = ids.slice(0, 2);
      const choice = await prefer(target, { availableDeviceIDs: ids, mustIncludeDeviceIDs: must, allocationSize: 2 });
      expectSame(choice.toSorted(), must.toSorted(), 'the choice');
    },
  ),
  preferenceCase(
    'containers',
    'a request for several containers is answered for each (api.proto, PreferredAllocationRequest)',
    ['PreferredAllocationRequest.container_requests', 'PreferredAllocationResponse.container_responses'],
    2,
    async (target, ids) => {
      const { client } = await target.plugin();
      const requests = [1, 2].map((allocationSize) => ({ availableDeviceIDs: ids, allocationSize }));
      const { containerResponses } = await client.GetPreferredAllocation({ containerRequests: requests });
      expectSame(
        containerResponses.map(({ deviceIDs }) => deviceIDs.length),
        [1, 2],
        'devices chosen for each container',
      );
    },
  ),
  preferenceCase(
    'too-small',
    `a choice of fewer than must be included is refused, or as large as it may be (${requestClause})`,
    [mustInclude, size],
    2,
    async (target, ids) => {
      const request = { availableDeviceIDs: ids, mustIncludeDeviceIDs: ids.slice(0, 2), allocationSize: 1 };
      const choice = await unlessRefused(prefer(target, request));
      if (choice) expectAllIn(choice, ids, 'chosen, but not available');
      expectEqual((await prefer(target, { availableDeviceIDs: ids, allocationSize: 1 })).length, 1, 'devices chosen afterwards');
    },
  ),
  preferenceCase(
    'too-large',
    `a choice of more than are available is refused, or has no more than those (${requestClause})`,
    [available, size],
    1,
    async (target, ids) => {
      const choice = await unlessRefused(prefer(target, { availableDeviceIDs: ids, allocationSize: ids.length + 1 }));
      if (choice) {
        expectAllIn(choice, ids, 'chosen, but not available');
        expectDistinct(choice, 'chosen more than once');
      }
      expectEqual((await prefer(target, { availableDeviceIDs: ids, allocationSize: 1 })).length, 1, 'devices chosen afterwards');
    },
  ),
  preferenceCase(
    'none-available',
    `a choice of none of none is empty, or refused (${requestClause})`,
    [available, size],
    1,
    async (target) => {
      const choice = await unlessRefused(prefer(target, { availableDeviceIDs: [], allocationSize: 0 }));
      if (choice) expectSame(choice, [], 'the choice of none');
    },
  ),
  preferenceCase('negative-size', `a negative size harms nobody (${requestClause})`, [size], 1, async (target, ids) => {
    await unlessRefused(prefer(target, { availableDeviceIDs: ids, allocationSize: -1 }));
    expectEqual((await prefer(target, { availableDeviceIDs: ids, allocationSize: 1 })).length, 1, 'devices chosen afterwards');
  }),
  preferenceCase(
    'deterministic',
    `the same request gets the same choice (${requestClause}, as far as nothing has changed)`,
    [chosen],
    2,
    async (target, ids) => {
      const request = { availableDeviceIDs: ids, allocationSize: Math.ceil(ids.length / 2) };
      const choices = [await prefer(target, request), await prefer(target, request)].map((choice) => choice.toSorted().join());
      if (choices[0] !== choices[1]) throw new SkipCase('it chooses otherwise each time, which the API leaves open');
    },
  ),
  {
    id: 'preference.not-allocation',
    group: 'preference',
    clause: 'a preference gives nothing away: all devices can be allocated after it (api.proto, GetPreferredAllocation)',
    proves: ['GetPreferredAllocation', 'Allocate'],
    needs: [offersPreference, healthyDevice],
    async run(target) {
      const ids = await target.healthyIds();
      await prefer(target, { availableDeviceIDs: ids, allocationSize: ids.length });
      const { client } = await target.plugin();
      for (const id of ids.slice(0, 2)) await client.Allocate({ containerRequests: [{ devicesIds: [id] }] });
    },
  },
  {
    id: 'preference.not-offered',
    group: 'preference',
    clause: 'a plugin that offers no preference answers with none, or UNIMPLEMENTED (api.proto, DevicePluginOptions)',
    proves: ['GetPreferredAllocation', 'DevicePluginOptions.get_preferred_allocation_available'],
    needs: [healthyDevice],
    async run(target) {
      const { client, options } = await target.plugin();
      if (options.getPreferredAllocationAvailable) throw new SkipCase('the plugin offers preferred allocation');
      const ids = await target.healthyIds();
      try {
        const { containerResponses } = await client.GetPreferredAllocation({
          containerRequests: [{ availableDeviceIDs: ids, allocationSize: 1 }],
        });
        expectAllIn(
          containerResponses.flatMap(({ deviceIDs }) => deviceIDs),
          ids,
          'chosen, but not available',
        );
      } catch (thrown) {
        const { code, message } = PluginError.from(thrown);
        expectTrue(!['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED'].includes(code), `there was no answer: ${message}`);
      }
      await client.GetDevicePluginOptions({});
    },
  },
];
