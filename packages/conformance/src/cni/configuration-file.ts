import { readFileSync } from 'node:fs';
import { isObject } from '@berth/sdk/cni/types';
import { PluginError } from '@berth/sdk/errors';
import type { PluginConfiguration } from './default-configuration.ts';

/** What a configuration file says of the plugin under test. */
export interface GivenConfiguration {
  config: PluginConfiguration;
  /** The plugins that come before it in the chain; their results are its prevResult. */
  before: PluginConfiguration[];
}

/** Reads a network configuration, or a list with the plugin `name` in it. Throws INVALID_ARGUMENT about what it is instead. */
export function readConfiguration(file: string, name: string): GivenConfiguration {
  const refuse = (what: string, hint: string): PluginError => new PluginError('INVALID_ARGUMENT', what, { object: file, hint });
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw refuse((error as Error).message, 'name a file with a network configuration, or with a list of them, in JSON');
  }
  if (!isObject(document)) throw refuse('it is not a JSON object', 'write a network configuration: {"type": ...} or {"plugins": [...]}');
  if (document.plugins === undefined) return { config: document, before: [] };
  const plugins = document.plugins;
  if (!Array.isArray(plugins) || !plugins.every(isObject))
    throw refuse('its plugins are not a list of objects', 'write {"plugins": [{"type": ...}]}');
  const index = plugins.findIndex(({ type, ipam }) => type === name || (isObject(ipam) && ipam.type === name));
  const config = plugins[index];
  if (!config) {
    const types = plugins.map(({ type }) => String(type));
    throw refuse(`none of its plugins is ${name}, but ${types.join(', ') || 'there are none'}`, "give the executable's file name as type");
  }
  return { config, before: plugins.slice(0, index) };
}
