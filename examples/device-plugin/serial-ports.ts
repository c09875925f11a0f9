// Offers the serial ports that are plugged in here as example.org/serial-port.
// usage: node serial-ports.ts [DIRECTORY OF DEVICES] [KUBELET'S DIRECTORY OF DEVICE PLUGINS]
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { devicePlugin } from '@berth/sdk/device';

const [devices = '/dev', directory = '/var/lib/kubelet/device-plugins'] = process.argv.slice(2);

async function serialPorts() {
  const names = await readdir(devices);
  const ports = names.filter((name) => /^tty(USB|ACM)\d+$/.test(name));
  return ports.toSorted().map((id) => ({ id }));
}

const plugin = devicePlugin({
  resourceName: 'example.org/serial-port',
  async *list(signal) {
    for (; ; await sleep(1000, undefined, { signal })) yield await serialPorts();
  },
  allocate: (ids) => ({
    envs: { SERIAL_PORTS: ids.map((id) => `/dev/${id}`).join(':') },
    devices: ids.map((id) => ({ hostPath: `${devices}/${id}`, containerPath: `/dev/${id}` })),
  }),
});

await plugin.run({ directory });
