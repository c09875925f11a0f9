import { devicePlugin } from '@berth/sdk/device';

// The program of a plugin with one device of each resource that it is told: node one-device.fixture.ts RESOURCE...

const runOne = (resourceName: string): Promise<void> => {
  const plugin = devicePlugin({
    resourceName,
    async *list() {
      yield [{ id: 'one' }];
    },
    allocate: () => ({ envs: { ONE: '1' } }),
  });
  return plugin.run({ ...(process.env.DEVICE_PLUGIN_DIRECTORY && { directory: process.env.DEVICE_PLUGIN_DIRECTORY }) });
};

await Promise.all(process.argv.slice(2).map(runOne));
