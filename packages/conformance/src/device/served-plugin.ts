import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import type { CallBounds } from '../case-scope.ts';
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

interface Reaching {
  /** How long it is tried. */
  limitMs: number;
  /** Ends it before. */
  signal: AbortSignal;
}

/** Connects as kubelet does: tries until something serves there, asks for the options, and begins to watch. Throws where nothing answers in time. */
export async function reachPlugin(socket: string, coverage: CoverageRecord, { limitMs, signal }: Reaching): Promise<ServedPlugin> {
  const client = connectPlugin(socket, coverage);
  const deadline = performance.now() + limitMs;
  try {
    for (;;) {
      try {
        return await watched(socket, client, { deadlineMs: Math.max(1, deadline - performance.now()), signal });
      } catch (thrown) {
        if (PluginError.from(thrown).code !== 'UNAVAILABLE' || performance.now() + pollMs > deadline) throw thrown;
      }
      await sleep(pollMs, undefined, { signal });
    }
  } catch (thrown) {
    client.close();
    throw thrown;
  }
}

/** The plugin that is said to serve at that socket already. INVALID_ARGUMENT, at once, where nobody does; throws too where it doesn't answer in time. */
export async function reachServed(socket: string, coverage: CoverageRecord, limitMs: number): Promise<ServedPlugin> {
  const client = connectPlugin(socket, coverage);
  try {
    return await watched(socket, client, { deadlineMs: limitMs });
  } catch (thrown) {
    client.close();
    const { code, what } = PluginError.from(thrown);
    if (code !== 'UNAVAILABLE') throw thrown;
    const hint = 'start the plugin first, or name the socket on which it serves';
    throw new PluginError('INVALID_ARGUMENT', what, { object: `--socket ${socket}`, hint, cause: thrown });
  }
}

async function watched(socket: string, client: ServedPlugin['client'], bounds: CallBounds): Promise<ServedPlugin> {
  const options = await client.GetDevicePluginOptions({}, bounds);
  return { socket, client, options, watch: new Watch(client) };
}

/** Lets go of it. */
export async function leavePlugin({ client, watch }: ServedPlugin): Promise<void> {
  await watch.end();
  client.close();
}
