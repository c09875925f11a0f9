import { resolve } from 'node:path';
import type { DevicePluginDefinition } from './device/definition.ts';
import { DevicePluginRunner, type RunOptions } from './device/device-plugin-runner.ts';
import { checkResourceName } from './device/resource-name.ts';
import { PluginError } from './errors.ts';

export type { DeviceAllocation, DeviceDescription, DevicePluginDefinition, PreferenceRequest } from './device/definition.ts';
export type { RunOptions } from './device/device-plugin-runner.ts';

/** A plugin that can be run beside a kubelet. */
export interface DevicePlugin {
  readonly resourceName: string;
  /**
   * Serves the devices until `signal` aborts: registers with the kubelet, and again each time that it begins anew, and waits for one that isn't there.
   * Leaves no socket behind. INVALID_ARGUMENT for a `socketName` that is none.
   */
  run(options?: RunOptions): Promise<void>;
}

/** Makes a device plugin of its functions. Throws INVALID_ARGUMENT for a name that isn't that of an extended resource, and where a function is missing. */
export function devicePlugin(definition: DevicePluginDefinition): DevicePlugin {
  const { resourceName } = definition;
  checkResourceName(resourceName, 'device plugin');
  checkFunctions(definition);
  return { resourceName, run: async (options = {}) => new DevicePluginRunner(definition, atWholePath(options)).run() };
}

/** Not everybody's functions are looked at by a compiler. */
function checkFunctions(definition: DevicePluginDefinition): void {
  for (const name of ['list', 'allocate'] as const) {
    if (typeof definition[name] === 'function') continue;
    throw new PluginError('INVALID_ARGUMENT', `it has no function ${name}`, {
      object: `device plugin for ${definition.resourceName}`,
      hint: 'write one: every device plugin has list and allocate',
    });
  }
}

/** An author may name the directory as it is seen from where the plugin runs; a socket's address can't. */
function atWholePath({ directory, ...options }: RunOptions): RunOptions {
  return { ...options, ...(directory !== undefined && { directory: resolve(directory) }) };
}
