import { devicePluginVersion } from '../device/device-registration.ts';
import { checkResourceName } from '../device/resource-name.ts';
import { PluginError } from '../errors.ts';
import type { PluginHandler } from '../plugin-watcher/plugin-handler.ts';
import { quoted } from '../quoted.ts';
import type { DeviceResources } from './device-resources.ts';

/**
 * Device plugins that make themselves known by a socket in plugins_registry/, as some do besides kubelet.sock or in its place. They are read until
 * `signal` aborts: the kubelet ends.
 */
export function devicePluginHandler(resources: DeviceResources, signal: AbortSignal): PluginHandler {
  return {
    validate({ name, supportedVersions }) {
      const object = `device plugin for ${quoted(name)}`;
      checkResourceName(name, object);
      if (supportedVersions.includes(devicePluginVersion)) return;
      throw new PluginError('INVALID_ARGUMENT', `it speaks ${quoted(supportedVersions)}, and kubelets speak ${devicePluginVersion}`, {
        object,
        hint: `answer GetInfo with the supported_versions ${devicePluginVersion}`,
      });
    },
    register: ({ name, endpoint }) => resources.register({ resourceName: name, socket: endpoint, options: undefined }, signal),
    deregister: ({ name, endpoint }) => resources.giveUp(name, endpoint),
  };
}
