import type { Need } from '../suite.ts';
import type { DeviceTarget } from './target.ts';

/** The suite can start the plugin, and is its kubelet. */
export const command: Need<DeviceTarget> = {
  name: 'command',
  missing: async ({ options }) =>
    options.command === undefined
      ? 'the plugin serves already: the suite neither starts it nor is its kubelet (--command does both)'
      : undefined,
};

/** It has as many healthy devices. */
export function healthyDevices(count: number): Need<DeviceTarget> {
  return {
    name: `${count} healthy devices`,
    missing: async (target) => {
      const there = (await target.healthyIds()).length;
      return there >= count ? undefined : `it needs ${count} healthy devices, and there are ${there}`;
    },
  };
}

export const healthyDevice = healthyDevices(1);

/** The caller can make a device unhealthy, and healthy again. */
export const healthChanges: Need<DeviceTarget> = {
  name: 'health changes',
  missing: async ({ options }) =>
    options.makeUnhealthy === undefined || options.makeHealthy === undefined
      ? "the suite was not told how to change a device's health (--make-unhealthy, --make-healthy)"
      : undefined,
};

export const offersPreference: Need<DeviceTarget> = {
  name: 'preference',
  missing: async (target) =>
    (await target.plugin()).options.getPreferredAllocationAvailable ? undefined : 'the plugin offers no preferred allocation',
};

export const wantsPreStart: Need<DeviceTarget> = {
  name: 'pre-start',
  missing: async (target) => ((await target.plugin()).options.preStartRequired ? undefined : 'the plugin asks for no call before starts'),
};
