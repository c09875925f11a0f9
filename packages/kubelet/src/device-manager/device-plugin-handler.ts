import { devicePluginVersion } from '@berth/sdk/device/registration';
import { checkResourceName } from '@berth/sdk/device/resource-name';
import { PluginError } from '@berth/sdk/errors';
import type { PluginHandler } from '@berth/sdk/plugin-watcher/plugin-handler';
import type { DevicePlugins } from './device-plugins.ts';

/** Device plugins that make themselves known by a socket in plugins_registry/. */
export function devicePluginHandler(plugins: DevicePlugins): PluginHandler {
  return {
    validate({ name, supportedVersions }) {
      checkResourceName(name, `device plugin ${name}`);
      if (supportedVersions.includes(devicePluginVersion)) return;
      throw new PluginError('INVALID_ARGUMENT', `it supports the versions ${supportedVersions.join(', ') || 'none'}`, {
        object: `device plugin ${name}`,
        hint: `support the version ${devicePluginVersion} of the API`,
      });
    },
    register: ({ name, endpoint }) => plugins.register({ resourceName: name, socket: endpoint }),
    deregister: ({ name, endpoint }) => plugins.deregister({ resourceName: name, socket: endpoint }),
  };
}
