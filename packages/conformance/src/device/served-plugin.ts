import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import { coveredClient } from '../covered-client.ts';
import type { CoverageRecord } from '../rpc-coverage.ts';
import type { DeviceClient, DevicePluginOptions } from './messages.ts';
import { deviceProtocol } from './protocol.ts';
import { Watch } from './watch.ts';

const pollMs = 50;

/** A plugin that serves, as the kubelet has it once it is registered: with its options, and a watch that stays open. */
export interface ServedPlugin {
  /** Path of its socket. */
  socket: string;
  client: DeviceClient & { close(): void };
  /** As it answers GetDevicePluginOptions. */
  options: DevicePluginOptions;
  watch: Watch;
}

/** A client of the plugin at that socket. `authority`: what it sends as `:authority`, `localhost` as kubelets do if left out. */
export function connectPlugin(socket: string, coverage: CoverageRecord, authority?: string): DeviceClient & { close(): void } {
  const addresses = { DevicePlugin: `unix://${socket}` };
  return coveredClient<DeviceClient>({ protocol: deviceProtocol(), addresses, coverage, ...(authority && { settings: { authority } }) });
}

/** Connects as kubelet does: tries until something serves there, asks for the options, and begins to watch. Throws where nothing answers in time. */
export async function reachPlugin(socket: string, coverage: CoverageRecord, limitMs: number): Promise<ServedPlugin> {
  const client = connectPlugin(socket, coverage);
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      const options = await client.GetDevicePluginOptions({}, { deadlineMs: Math.max(1, deadline - performance.now()) });
      return { socket, client, options, watch: new Watch(client) };
    } catch (thrown) {
      if (PluginError.from(thrown).code !== 'UNAVAILABLE' || performance.now() + pollMs > deadline) {
        client.close();
        throw thrown;
      }
    }
    await sleep(pollMs);
  }
}

/** Lets go of it. */
export async function leavePlugin({ client, watch }: ServedPlugin): Promise<void> {
  await watch.end();
  client.close();
}
