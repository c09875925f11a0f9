import { PlainPlugin } from '../device-plugin/plain-plugin.mjs';
import type { DeviceMutant } from './mutant.ts';

type Device = ReturnType<PlainPlugin['devices']>[number];

/** A plugin that tells of devices otherwise. */
function telling(change: (device: Device, index: number) => Device | Device[]): DeviceMutant['Plugin'] {
  return class extends PlainPlugin {
    override devices() {
      return super.devices().flatMap((device, index) => change(device, index));
    }
  };
}

/** Rules about the stream of devices, and what it says of them. */
export const deviceListMutants: DeviceMutant[] = [
  {
    breaks: 'tells of devices only when something changes',
    caughtBy: 'watch.first-list',
    saying: 'ListAndWatch gave no list',
    Plugin: class extends PlainPlugin {
      override watched(call: PlainCall) {
        this.watchers.add(call);
      }
    },
  },
  {
    breaks: 'ends the stream after the first list',
    caughtBy: 'watch.stays-open',
    saying: 'the stream ended',
    Plugin: class extends PlainPlugin {
      override watched(call: PlainCall) {
        super.watched(call);
        call.end();
      }
    },
  },
  {
    breaks: 'tells the same over and over',
    caughtBy: 'watch.quiet',
    saying: 'lists came within',
    Plugin: class extends PlainPlugin {
      override watched(call: PlainCall) {
        super.watched(call);
        setInterval(() => call.write({ devices: this.devices() }), 20);
      }
    },
  },
  {
    breaks: 'tells nothing to a second watch',
    caughtBy: 'watch.two',
    saying: 'ListAndWatch gave no list',
    Plugin: class extends PlainPlugin {
      override watched(call: PlainCall) {
        if (this.watchers.size === 0) super.watched(call);
      }
    },
  },
  {
    breaks: 'ends with one of its watches',
    caughtBy: 'watch.ended',
    saying: 'GetDevicePluginOptions',
    Plugin: class extends PlainPlugin {
      override watched(call: PlainCall) {
        super.watched(call);
        call.on('cancelled', () => process.exit(1));
      }
    },
  },
  {
    breaks: 'has an id of 64 characters',
    caughtBy: 'device.id-length',
    saying: 'has 64 characters',
    Plugin: telling((device) => ({ ...device, ID: device.ID.padEnd(64, 'x') })),
  },
  {
    breaks: 'has a NUL in an id',
    caughtBy: 'device.id-characters',
    saying: 'has a NUL',
    Plugin: telling((device) => ({ ...device, ID: `${device.ID}\0` })),
  },
  {
    breaks: 'tells of a device twice',
    caughtBy: 'device.id-unique',
    saying: 'ids that come more than once in a list: null-2',
    Plugin: telling((device, index) => (index === 2 ? [device, device] : device)),
  },
  {
    breaks: 'has a health of its own',
    caughtBy: 'device.health',
    saying: 'is "OK"',
    Plugin: telling((device) => ({ ...device, health: 'OK' })),
  },
  {
    breaks: 'tells that a device is near to no node by -1',
    caughtBy: 'device.numa-nodes',
    saying: 'are -1',
    Plugin: telling((device) => ({ ...device, topology: { nodes: [{ ID: -1 }] } })),
  },
  {
    breaks: 'never tells of a change',
    caughtBy: 'health.told',
    saying: 'told of no device that is Unhealthy',
    Plugin: class extends PlainPlugin {
      override tell() {}
    },
  },
  {
    breaks: 'tells of the changed device alone',
    caughtBy: 'health.others-stay',
    saying: 'the devices that did not fail',
    Plugin: class extends PlainPlugin {
      override devices() {
        const devices = super.devices();
        const broken = devices.filter(({ health }) => health === 'Unhealthy');
        return broken.length > 0 ? broken : devices;
      }
    },
  },
  {
    breaks: 'tells new watches what was at its start',
    caughtBy: 'health.told-to-new-watch',
    saying: 'unhealthy devices that a new watch is told of',
    Plugin: class extends PlainPlugin {
      atStart = super.devices();
      override watched(call: PlainCall) {
        this.watchers.add(call);
        call.write({ devices: this.atStart });
      }
    },
  },
  {
    breaks: 'never takes a device for healthy again',
    caughtBy: 'health.recovers',
    saying: 'did not tell that the device is Healthy again',
    Plugin: class extends PlainPlugin {
      broken = new Set<string>();
      override devices() {
        const devices = super.devices();
        for (const { ID, health } of devices) if (health === 'Unhealthy') this.broken.add(ID);
        return devices.map((device) => (this.broken.has(device.ID) ? { ...device, health: 'Unhealthy' } : device));
      }
    },
  },
];

type PlainCall = Parameters<PlainPlugin['watched']>[0];
