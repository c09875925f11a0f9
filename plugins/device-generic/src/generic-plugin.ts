import { setTimeout as sleep } from 'node:timers/promises';
import { type DeviceDescription, devicePlugin } from '@berth/sdk/device';
import { runTogether } from '@berth/sdk/task-group';
import type { Settings } from './configuration.ts';
import type { DeviceFiles } from './device-files.ts';
import { devicesOf, type ResourceDevices } from './resource-devices.ts';

interface GenericPluginParts {
  settings: Settings;
  files: DeviceFiles;
  log(message: string): void;
}

/** Offers the device files that the settings tell of to a kubelet, until `signal` aborts. Rejects where it can't go on. */
export async function runGenericPlugin({ settings, files, log }: GenericPluginParts, signal: AbortSignal): Promise<void> {
  const { pluginDirectory: directory, allowedUids, intervalSeconds, resources } = settings;
  await runTogether(signal, async (group) => {
    for (const devices of devicesOf(resources, files)) {
      const plugin = devicePlugin({
        resourceName: devices.name,
        list: (over) => looks(devices, intervalSeconds * 1000, over),
        allocate: (ids) => devices.allocate(ids),
      });
      const tell = (message: string): void => log(`${devices.name}: ${message}`);
      group.start(() => plugin.run({ signal: group.signal, directory, allowedUids, log: tell }));
    }
  });
}

/** Looks again and again: the kernel tells nobody of all files that patterns may match. */
async function* looks(devices: ResourceDevices, intervalMs: number, signal: AbortSignal): AsyncGenerator<DeviceDescription[], void> {
  while (!signal.aborted) {
    devices.look();
    yield devices.describe();
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}
