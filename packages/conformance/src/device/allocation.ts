import { deviceHealthy } from '@berth/sdk/device/constants';
import { expectEqual, present } from '../expect.ts';
import type { ContainerAllocateResponse, DeviceClient } from './messages.ts';
import type { ServedPlugin } from './served-plugin.ts';
import type { DeviceTarget } from './target.ts';

/** An id of the usual form that no plugin has given. */
export const unknownId = 'no-such-device-0f1e2d3c';

/** Cases that ask for every device stop at so many: a plugin may have thousands. */
const mostDevices = 64;

/** What one container gets for these devices. Throws unless the answer is for one container. */
export async function allocate(client: DeviceClient, devicesIds: string[]): Promise<ContainerAllocateResponse> {
  const { containerResponses } = await client.Allocate({ containerRequests: [{ devicesIds }] });
  expectEqual(containerResponses.length, 1, 'container_responses to a request for one container');
  return present(containerResponses[0], 'the response');
}

/** What a container gets for each of the healthy devices, one by one, by its id. */
export async function allocateEach(target: DeviceTarget): Promise<Map<string, ContainerAllocateResponse>> {
  const { client } = await target.plugin();
  const answers = new Map<string, ContainerAllocateResponse>();
  for (const id of (await target.healthyIds()).slice(0, mostDevices)) answers.set(id, await allocate(client, [id]));
  return answers;
}

/** Throws unless the plugin still gives a device to a container, after whatever has been asked of it: the same plugin, not one that was started again. */
export async function expectStillAllocates({ client, watch }: ServedPlugin): Promise<void> {
  const healthy = (watch.latest ?? []).filter(({ health }) => health === deviceHealthy);
  await allocate(
    client,
    healthy.slice(0, 1).map(({ ID }) => ID),
  );
}
