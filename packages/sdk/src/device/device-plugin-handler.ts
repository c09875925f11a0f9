import { PluginError } from '../errors.ts';
import type { PluginHandler, RegisteredPlugin } from '../plugin-watcher/plugin-handler.ts';
import { quoted } from '../quoted.ts';
import { devicePluginVersion } from './constants.ts';
import { checkResourceName } from './resource-name.ts';

/**
 * Device plugins that make themselves known by a socket in plugins_registry/, as some do besides kubelet.sock or in its place: what they say of
 * themselves is checked, and the rest is for the one who takes them.
 */
export function devicePluginHandler(taking: Pick<PluginHandler, 'register' | 'deregister'>): PluginHandler {
  return { ...taking, validate };
}

function validate({ name, supportedVersions }: RegisteredPlugin): void {
  const object = `device plugin for ${quoted(name)}`;
  checkResourceName(name, object);
  if (supportedVersions.includes(devicePluginVersion)) return;
  throw new PluginError('INVALID_ARGUMENT', `it speaks ${quoted(supportedVersions)}, and kubelets speak ${devicePluginVersion}`, {
    object,
    hint: `answer GetInfo with the supported_versions ${devicePluginVersion}`,
  });
}
