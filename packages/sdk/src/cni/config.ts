import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '../errors.ts';
import type { NetworkConfigList, PluginConfig } from './types.ts';
import { isObject } from './types.ts';
import { defaultVersion, highestSupported, supportedVersions } from './versions.ts';

/** What a configuration directory holds: the networks in order of preference, and the files that were passed over. */
export interface ConfigDirectory {
  networks: NetworkConfigList[];
  problems: PluginError[];
}

/**
 * The network that `confDir` configures: the first file that loads, `.conflist` before `.conf` and `.json`, each in order
 * of name, as libcni and the runtimes on it choose; with `name` the first of that name. Throws a PluginError
 * (FAILED_PRECONDITION) that names every file that was passed over, its field and the cause.
 */
export async function loadNetworkConfig(confDir: string, { name }: { name?: string } = {}): Promise<NetworkConfigList> {
  const { networks, problems } = await readConfigDirectory(confDir);
  const found = networks.find((network) => name === undefined || network.name === name);
  if (found) return found;
  const passedOver = problems.map((problem) => problem.message);
  const others = networks.map((network) => `${network.file}: is network ${network.name}`);
  const what = [`no usable CNI network${name === undefined ? '' : ` named ${name}`}`, ...passedOver, ...others].join('; ');
  throw new PluginError('FAILED_PRECONDITION', what, { object: confDir, hint: 'put a .conflist there' });
}

/** Reads every configuration file of `confDir`. A directory that doesn't exist holds none. */
export async function readConfigDirectory(confDir: string): Promise<ConfigDirectory> {
  const names = (await readdir(confDir).catch(ignoreMissing)).sort();
  const files = [...names.filter((name) => name.endsWith('.conflist')), ...names.filter((name) => /\.(conf|json)$/.test(name))];
  const directory: ConfigDirectory = { networks: [], problems: [] };
  for (const file of files.map((name) => join(confDir, name))) {
    try {
      directory.networks.push(await readConfigFile(file));
    } catch (thrown) {
      directory.problems.push(PluginError.from(thrown, 'FAILED_PRECONDITION', { object: file }));
    }
  }
  return directory;
}

/** Reads one file: a list, or a single plugin's configuration, which is made a list of one. */
export async function readConfigFile(file: string): Promise<NetworkConfigList> {
  const text = await readFile(file, 'utf8');
  const list = parseNetworkConfig(text, file);
  const loaded = list.loadOnlyInlinedPlugins ? [] : await loadPluginDirectory(join(file, '..', list.name), list);
  const plugins = [...list.plugins, ...loaded];
  if (plugins.length === 0) throw invalid(file, 'plugins', 'is empty');
  const { loadOnlyInlinedPlugins: _, ...rest } = list;
  return { ...rest, plugins, file };
}

/** The plugins that stand in files of their own beside a list (spec 1.1.0, `loadOnlyInlinedPlugins`). */
async function loadPluginDirectory(directory: string, list: NetworkConfigList & { single: boolean }): Promise<PluginConfig[]> {
  if (list.single) return [];
  const names = (await readdir(directory).catch(ignoreMissing)).filter((name) => name.endsWith('.conf')).sort();
  return Promise.all(
    names.map(async (name) => {
      const file = join(directory, name);
      return pluginConfig(parse(await readFile(file, 'utf8'), file), file, '');
    }),
  );
}

function ignoreMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

interface ParsedList extends NetworkConfigList {
  loadOnlyInlinedPlugins: boolean;
  /** Was it a single plugin's configuration? */
  single: boolean;
}

/** Reads the text of a list or of a single plugin's configuration. `object` names it in errors. */
export function parseNetworkConfig(text: string, object: string): ParsedList {
  const value = parse(text, object);
  const single = value.plugins === undefined && value.type !== undefined;
  const { name, plugins = single ? [value] : [] } = value;
  if (typeof name !== 'string' || name === '') throw invalid(object, 'name', name === undefined ? 'is missing' : 'must be a string');
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
    throw invalid(object, 'name', `${JSON.stringify(name)} holds characters that a network name can't`);
  if (!Array.isArray(plugins)) throw invalid(object, 'plugins', 'must be a list');
  return {
    cniVersion: listVersion(value, object),
    name,
    disableCheck: flag(value, 'disableCheck', object),
    disableGC: flag(value, 'disableGC', object),
    loadOnlyInlinedPlugins: flag(value, 'loadOnlyInlinedPlugins', object),
    single,
    plugins: plugins.map((plugin, index) => pluginConfig(plugin, object, single ? '' : `plugins[${index}].`)),
    text: single ? JSON.stringify({ cniVersion: value.cniVersion, name, plugins }) : text,
  };
}

function parse(text: string, object: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PluginError('FAILED_PRECONDITION', `is not JSON: ${(cause as Error).message}`, { object, cause });
  }
  if (!isObject(value)) throw new PluginError('FAILED_PRECONDITION', 'is not a JSON object', { object });
  return value;
}

function listVersion(value: Record<string, unknown>, object: string): string {
  const { cniVersion, cniVersions = [] } = value;
  if (cniVersion !== undefined && typeof cniVersion !== 'string') throw invalid(object, 'cniVersion', 'must be a string');
  if (!Array.isArray(cniVersions)) throw invalid(object, 'cniVersions', 'must be a list of strings');
  const asked = [...(cniVersion ? [cniVersion] : []), ...cniVersions.map(String)];
  const chosen = asked.length === 0 ? defaultVersion : highestSupported(asked);
  if (chosen) return chosen;
  const field = cniVersions.length > 0 ? 'cniVersions' : 'cniVersion';
  throw invalid(object, field, `${asked.join(', ')} is not supported (${supportedVersions.join(', ')} are)`);
}

function flag(value: Record<string, unknown>, field: string, object: string): boolean {
  const given = value[field] ?? false;
  if (typeof given === 'boolean') return given;
  if (given === 'true' || given === 'false') return given === 'true';
  throw invalid(object, field, 'must be true or false');
}

function pluginConfig(value: unknown, object: string, prefix: string): PluginConfig {
  if (!isObject(value)) throw invalid(object, prefix.slice(0, -1), 'must be an object');
  const { type, capabilities, ipam } = value;
  if (typeof type !== 'string' || type === '')
    throw invalid(object, `${prefix}type`, type === undefined ? 'is missing' : 'must be a string');
  if (type.includes('/')) throw invalid(object, `${prefix}type`, `${JSON.stringify(type)} must be a file name, not a path`);
  if (capabilities !== undefined && !isObject(capabilities)) throw invalid(object, `${prefix}capabilities`, 'must be an object');
  if (ipam !== undefined && !isObject(ipam)) throw invalid(object, `${prefix}ipam`, 'must be an object');
  return { ...value, type };
}

function invalid(object: string, field: string, what: string): PluginError {
  return new PluginError('FAILED_PRECONDITION', `${field} ${what}`, { object });
}
