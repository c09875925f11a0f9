import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { type DeviceDescription, devicePlugin } from '@berth/sdk/device';

/** A plugin by the author's kit. A device is unhealthy as long as there is a file ID.broken in the kubelet's directory. */
const directory = process.env.DEVICE_PLUGIN_DIRECTORY ?? '';
const ids = [0, 1, 2, 3].map((number) => `null-${number}`);

const plugin = devicePlugin({
  resourceName: 'kit.example/null',
  async *list(signal) {
    const read = (): DeviceDescription[] =>
      ids.map((id, index) => ({ id, healthy: !existsSync(join(directory, `${id}.broken`)), numaNodes: [index >> 1] }));
    let changed = Promise.withResolvers<void>();
    const change = (): void => changed.resolve();
    const watcher = watch(directory, { signal }, change).on('error', change);
    signal.addEventListener('abort', change);
    while (!signal.aborted) {
      yield read();
      await changed.promise;
      changed = Promise.withResolvers();
    }
    watcher.close();
  },
  allocate: (given) => ({
    envs: { KIT_DEVICES: given.join(',') },
    mounts: [{ containerPath: '/kit', hostPath: directory, readOnly: true }],
    devices: [...new Set(given)].map((id) => ({ hostPath: '/dev/null', containerPath: `/dev/${id}` })),
    annotations: { 'kit.example/devices': given.join(',') },
    cdiDevices: [...new Set(given)].map((id) => `kit.example/null=${id}`),
  }),
  preferred: ({ available, mustInclude, size }) =>
    [...mustInclude, ...available.filter((id) => !mustInclude.includes(id))].slice(0, Math.max(size, mustInclude.length)),
  preStart: () => undefined,
});

await plugin.run({ directory });
