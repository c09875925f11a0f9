import { unlessRefused } from '../../refusals.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { unknownId } from '../allocation.ts';
import { healthyDevice, wantsPreStart } from '../needs.ts';
import type { DeviceTarget } from '../target.ts';

/** What a container waits for it (constants.go, KubeletPreStartContainerRPCTimeoutInSecs). */
const deadlineMs = 30_000;

const proves = ['PreStartContainer', 'PreStartContainerRequest.devices_ids'];

/** The last thing that a plugin may do before a container starts. */
export const preStartCases: Case<DeviceTarget>[] = [
  {
    id: 'pre-start.in-time',
    group: 'pre-start',
    clause: 'PreStartContainer of an allocated device succeeds within 30 s (constants.go, KubeletPreStartContainerRPCTimeoutInSecs)',
    proves: [...proves, 'DevicePluginOptions.pre_start_required'],
    needs: [wantsPreStart, healthyDevice],
    async run(target) {
      const { client } = await target.plugin();
      const devicesIds = (await target.healthyIds()).slice(0, 1);
      await client.Allocate({ containerRequests: [{ devicesIds }] });
      await client.PreStartContainer({ devicesIds }, { deadlineMs });
    },
  },
  {
    id: 'pre-start.each-start',
    group: 'pre-start',
    clause: 'it comes before each start of the container, so it succeeds again without another Allocate (api.proto, PreStartContainer)',
    proves,
    needs: [wantsPreStart, healthyDevice],
    async run(target) {
      const { client } = await target.plugin();
      const devicesIds = (await target.healthyIds()).slice(0, 1);
      await client.Allocate({ containerRequests: [{ devicesIds }] });
      for (let start = 0; start < 3; start++) await client.PreStartContainer({ devicesIds }, { deadlineMs });
    },
  },
  {
    id: 'pre-start.unknown',
    group: 'pre-start',
    clause: 'PreStartContainer of a device that is not there is refused (api.proto, PreStartContainer, as Allocate)',
    proves,
    needs: [wantsPreStart],
    async run(target) {
      const { client } = await target.plugin();
      const answer = await unlessRefused(client.PreStartContainer({ devicesIds: [unknownId] }, { deadlineMs }));
      if (answer) throw new SkipCase('it readies a device that it does not have, which no kubelet asks for');
    },
  },
  {
    id: 'pre-start.not-required',
    group: 'pre-start',
    clause: 'a plugin that does not ask for the call answers it, or says UNIMPLEMENTED (api.proto, DevicePluginOptions)',
    proves: ['PreStartContainer', 'DevicePluginOptions.pre_start_required'],
    needs: [healthyDevice],
    async run(target) {
      const { client, options } = await target.plugin();
      if (options.preStartRequired) throw new SkipCase('the plugin asks for the call');
      await unlessRefused(client.PreStartContainer({ devicesIds: (await target.healthyIds()).slice(0, 1) }, { deadlineMs }));
      await client.GetDevicePluginOptions({});
    },
  },
];
