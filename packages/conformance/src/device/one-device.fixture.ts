import { devicePlugin } from '@berth/sdk/device';

// The program of a plugin with one device.

const plugin = devicePlugin({
  resourceName: 'fixture.example/one',
  async *list() {
    yield [{ id: 'one' }];
  },
  allocate: () => ({ envs: { ONE: '1' } }),
});

await plugin.run({ ...(process.env.DEVICE_PLUGIN_DIRECTORY && { directory: process.env.DEVICE_PLUGIN_DIRECTORY }) });
