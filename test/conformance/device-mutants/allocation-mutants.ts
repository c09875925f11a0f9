import { PlainPlugin } from '../device-plugin/plain-plugin.mjs';
import type { DeviceMutant } from './mutant.ts';

type Given = ReturnType<PlainPlugin['given']>;
type Requests = Parameters<PlainPlugin['allocate']>[0];
type Preference = Parameters<PlainPlugin['choose']>[0];

/** A plugin whose answers for containers are otherwise. */
function giving(change: (given: Given) => Partial<Given>): DeviceMutant['Plugin'] {
  return class extends PlainPlugin {
    override given(ids: string[]) {
      const given = super.given(ids);
      return { ...given, ...change(given) };
    }
  };
}

/** One that chooses otherwise. */
function choosing(choose: (request: Required<Preference>) => string[]): DeviceMutant['Plugin'] {
  return class extends PlainPlugin {
    override choose({ available_deviceIDs = [], must_include_deviceIDs = [], allocation_size = 0 }: Preference) {
      return { deviceIDs: choose({ available_deviceIDs, must_include_deviceIDs, allocation_size }) };
    }
  };
}

/** Rules about what containers get. */
export const allocationMutants: DeviceMutant[] = [
  {
    breaks: 'gives devices that it does not have',
    caughtBy: 'allocate.unknown',
    saying: 'the call succeeded',
    Plugin: class extends PlainPlugin {
      override check() {}
    },
  },
  {
    breaks: 'leaves out the container that it can not serve',
    caughtBy: 'allocate.unknown-in-second',
    saying: 'the call succeeded',
    Plugin: class extends PlainPlugin {
      override allocate({ container_requests = [] }: Requests) {
        const ids = new Set(this.devices().map(({ ID }) => ID));
        return super.allocate({
          container_requests: container_requests.filter(({ devices_ids = [] }) => devices_ids.every((id) => ids.has(id))),
        });
      }
    },
  },
  {
    breaks: 'answers for the first container alone',
    caughtBy: 'allocate.containers',
    saying: 'expected 2, got 1',
    Plugin: class extends PlainPlugin {
      override allocate({ container_requests = [] }: Requests) {
        return super.allocate({ container_requests: container_requests.slice(0, 1) });
      }
    },
  },
  {
    breaks: 'answers for containers in another order',
    caughtBy: 'allocate.containers',
    saying: 'answers for two containers at once, and one by one',
    Plugin: class extends PlainPlugin {
      override allocate(requests: Requests) {
        return { container_responses: super.allocate(requests).container_responses.reverse() };
      }
    },
  },
  {
    breaks: 'gives a device but once',
    caughtBy: 'allocate.again',
    saying: 'is in use',
    Plugin: class extends PlainPlugin {
      used = new Set<string>();
      override given(ids: string[]) {
        const given = super.given(ids);
        const used = ids.find((id) => this.used.has(id));
        if (used !== undefined) throw new Error(`${used} is in use`);
        for (const id of ids) this.used.add(id);
        return given;
      }
    },
  },
  {
    breaks: 'no longer tells of what it has given',
    caughtBy: 'allocate.keeps-list',
    saying: 'devices after Allocate of all of them',
    Plugin: class extends PlainPlugin {
      used = new Set<string>();
      override devices() {
        return super.devices().filter(({ ID }) => !this.used?.has(ID));
      }
      override given(ids: string[]) {
        const given = super.given(ids);
        for (const id of ids) this.used.add(id);
        this.tell();
        return given;
      }
    },
  },
  {
    breaks: 'ends when it is asked for no container',
    caughtBy: 'allocate.no-containers',
    saying: 'Allocate on unix://',
    Plugin: class extends PlainPlugin {
      override allocate(requests: Requests) {
        if ((requests.container_requests ?? []).length === 0) process.exit(1);
        return super.allocate(requests);
      }
    },
  },
  {
    breaks: 'gives a device that comes twice twice',
    caughtBy: 'allocate.duplicate',
    saying: 'for an id that comes twice',
    Plugin: class extends PlainPlugin {
      override given(ids: string[]) {
        const given = super.given(ids);
        return { ...given, devices: ids.flatMap((id) => super.given([id]).devices) };
      }
    },
  },
  {
    breaks: 'names the path of a device by "..", which leads elsewhere',
    caughtBy: 'answer.device-paths',
    saying: 'it has to be absolute',
    Plugin: giving(({ devices }) => ({ devices: devices.map((device) => ({ ...device, container_path: '/dev/../etc/null' })) })),
  },
  {
    breaks: 'gives a device file that is not there',
    caughtBy: 'answer.device-files',
    saying: '/dev/null99 is no device of this host',
    Plugin: giving(({ devices }) => ({ devices: devices.map((device) => ({ ...device, host_path: '/dev/null99' })) })),
  },
  {
    breaks: 'takes permissions for those of files',
    caughtBy: 'answer.device-permissions',
    saying: 'permissions of /dev/null are "rwx"',
    Plugin: giving(({ devices }) => ({ devices: devices.map((device) => ({ ...device, permissions: 'rwx' })) })),
  },
  {
    breaks: 'mounts what is not there',
    caughtBy: 'answer.mount-sources',
    saying: 'there is no /nowhere',
    Plugin: giving(({ mounts }) => ({ mounts: mounts.map((one) => ({ ...one, host_path: '/nowhere' })) })),
  },
  {
    breaks: 'has a variable with "=" in its name',
    caughtBy: 'answer.variables',
    saying: 'the name of a variable is "A=B"',
    Plugin: giving(({ envs }) => ({ envs: { ...envs, 'A=B': 'C' } })),
  },
  {
    breaks: 'names CDI devices by their id alone',
    caughtBy: 'answer.cdi-names',
    saying: '"null-0" is no CDI name',
    Plugin: giving(({ cdi_devices }) => ({ cdi_devices: cdi_devices.map(({ name }) => ({ name: name.slice(name.indexOf('=') + 1) })) })),
  },
  {
    breaks: 'prefers all devices, however many are wanted',
    caughtBy: 'preference.size',
    saying: 'where 1 are wanted: expected 1, got 4',
    Plugin: choosing(({ available_deviceIDs }) => available_deviceIDs),
  },
  {
    breaks: 'prefers a device that is not free',
    caughtBy: 'preference.available',
    saying: 'chosen, but not available: null-0',
    Plugin: choosing(({ allocation_size }) => ['null-0', 'null-1', 'null-2', 'null-3'].slice(0, allocation_size)),
  },
  {
    breaks: 'forgets what a preference must include',
    caughtBy: 'preference.must-include',
    saying: 'not chosen, though it must be included: null-3',
    Plugin: choosing(({ available_deviceIDs, allocation_size }) => available_deviceIDs.slice(0, allocation_size)),
  },
  {
    breaks: 'readies a device but once',
    caughtBy: 'pre-start.each-start',
    saying: 'was ready',
    Plugin: class extends PlainPlugin {
      ready = new Set<string>();
      override prepare(ids: string[]) {
        if (ids.some((id) => this.ready.has(id))) throw new Error('it was ready');
        for (const id of ids) this.ready.add(id);
      }
    },
  },
];
