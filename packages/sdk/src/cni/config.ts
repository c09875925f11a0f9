import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '../errors.ts';
import type { NetworkConfigList, PluginConfig } from './types.ts';
import { identifier, isObject, isPluginName, notJson, parseObject } from './types.ts';
import { defaultVersion, highestSupported, supportedVersions } from './versions.ts';

/** What a configuration directory holds: the networks in order of preference, and the files that were passed over. */
export interface ConfigDirectory {
  networks: NetworkConfigList[];
  problems: PluginError[];
}

/**
 * The network that `confDir` configures: the first file that loads, `.conflist` before `.conf` and `.json`, each in order
 * of name, as libcni chooses (containerd and CRI-O sort all by name alone); with `name` the first of that name. Throws a PluginError
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

/**
 * Reads every configuration file of `confDir`, as it is at this moment: a file that is changed, removed or put there, and a directory that is
 * made anew, count from the next call on. A directory that doesn't exist holds none. Throws a PluginError (FAILED_PRECONDITION where it is none).
 */
export async function readConfigDirectory(confDir: string): Promise<ConfigDirectory> {
  const names = await fileNames(confDir).catch((thrown: unknown) => {
    throw unreadable(confDir, thrown);
  });
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

/** Can a file of that name be a network configuration? */
export function isConfigFileName(name: string): boolean {
  return /\.(conflist|conf|json)$/.test(name);
}

/** Reads one file: a list by the name `.conflist`, by any other a single plugin's configuration, which is made a list of one. */
async function readConfigFile(file: string): Promise<NetworkConfigList> {
  const text = await readText(file);
  if (!file.endsWith('.conflist')) return { ...parsePluginConfig(text, file), file };
  const { list, loadOnlyInlinedPlugins } = parseList(text, file);
  const loaded = loadOnlyInlinedPlugins ? [] : await loadPluginDirectory(join(file, '..', list.name));
  const plugins = [...list.plugins, ...loaded];
  if (plugins.length === 0) throw invalid(file, 'plugins', 'is missing');
  return { ...list, plugins, file, ...(loaded.length > 0 && { text: inlined(text, plugins) }) };
}

/** The plugins that stand in files of their own beside a list (SPEC.md of 1.1.0, `loadOnlyInlinedPlugins`). */
async function loadPluginDirectory(directory: string): Promise<PluginConfig[]> {
  const names = (await fileNames(directory)).filter((name) => name.endsWith('.conf'));
  return Promise.all(
    names.map(async (name) => {
      const file = join(directory, name);
      return pluginConfig(parse(await readText(file), file), file, '');
    }),
  );
}

/** A pipe is opened at once, and not read: whoever reads one waits for a writer. */
async function readText(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw new PluginError('FAILED_PRECONDITION', 'is gone, or a link to nothing', { object: file, hint: 'remove it', cause });
  });
  try {
    if ((await handle.stat()).isFile()) return await handle.readFile('utf8');
    throw new PluginError('FAILED_PRECONDITION', 'is no regular file', { object: file, hint: 'remove it' });
  } finally {
    await handle.close();
  }
}

/** What is kept for DEL has to hold all plugins: their files may be gone by then. */
function inlined(text: string, plugins: PluginConfig[]): string {
  return JSON.stringify({ ...parseObject(text), plugins, loadOnlyInlinedPlugins: true });
}

function unreadable(confDir: string, thrown: unknown): PluginError {
  if ((thrown as NodeJS.ErrnoException).code !== 'ENOTDIR') return PluginError.from(thrown, 'FAILED_PRECONDITION', { object: confDir });
  return new PluginError('FAILED_PRECONDITION', 'is no directory', { object: confDir, hint: 'name a directory of configurations' });
}

/** In order of name. */
async function fileNames(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Reads the text of a list that holds all its plugins. `object` names it in errors. */
export function parseNetworkConfig(text: string, object: string): NetworkConfigList {
  const { list } = parseList(text, object);
  if (list.plugins.length === 0) throw invalid(object, 'plugins', 'is missing');
  return list;
}

function parseList(text: string, object: string): { list: NetworkConfigList; loadOnlyInlinedPlugins: boolean } {
  const value = parse(text, object);
  const { plugins = [] } = value;
  if (value.plugins === undefined && value.type !== undefined) {
    throw new PluginError('FAILED_PRECONDITION', 'holds a single plugin', { object, hint: 'give it a name that ends in .conf' });
  }
  if (!Array.isArray(plugins)) throw invalid(object, 'plugins', 'must be a list');
  if (value.plugins !== undefined && plugins.length === 0) throw invalid(object, 'plugins', 'is empty');
  const list = {
    cniVersion: listVersion(value, object),
    name: networkName(value, object),
    disableCheck: flag(value, 'disableCheck', object),
    disableGC: flag(value, 'disableGC', object),
    plugins: plugins.map((plugin, index) => pluginConfig(plugin, object, `plugins[${index}].`)),
    text,
  };
  return { list, loadOnlyInlinedPlugins: flag(value, 'loadOnlyInlinedPlugins', object) };
}

/** Reads the text of a single plugin's configuration as a list of one. `object` names it in errors. */
export function parsePluginConfig(text: string, object: string): NetworkConfigList {
  const value = parse(text, object);
  if (value.type === undefined && value.plugins !== undefined) {
    throw new PluginError('FAILED_PRECONDITION', 'holds a list of plugins', { object, hint: 'give it a name that ends in .conflist' });
  }
  const plugin = pluginConfig(value, object, '');
  const name = networkName(value, object);
  const { cniVersion } = value;
  return {
    cniVersion: listVersion({ cniVersion }, object),
    name,
    disableCheck: false,
    disableGC: false,
    plugins: [plugin],
    text: JSON.stringify({ name, cniVersion, plugins: [value] }),
  };
}

function networkName({ name }: Record<string, unknown>, object: string): string {
  if (typeof name !== 'string' || name === '') throw invalid(object, 'name', name === undefined ? 'is missing' : 'must be a string');
  if (!identifier.test(name)) throw invalid(object, 'name', `${JSON.stringify(name)} holds characters that a network name can't`);
  return name;
}

function parse(text: string, object: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PluginError('FAILED_PRECONDITION', notJson(cause), { object, cause });
  }
  if (!isObject(value)) throw new PluginError('FAILED_PRECONDITION', 'is not a JSON object', { object });
  return value;
}

function listVersion(value: Record<string, unknown>, object: string): string {
  const { cniVersion, cniVersions = [] } = value;
  if (cniVersion !== undefined && typeof cniVersion !== 'string') throw invalid(object, 'cniVersion', 'must be a string');
  if (!Array.isArray(cniVersions) || cniVersions.some((version) => typeof version !== 'string'))
    throw invalid(object, 'cniVersions', 'must be a list of strings');
  const asked: string[] = [...(cniVersion ? [cniVersion] : []), ...cniVersions];
  const chosen = asked.length === 0 ? defaultVersion : highestSupported(asked);
  if (chosen) return chosen;
  const field = cniVersions.length > 0 ? 'cniVersions' : 'cniVersion';
  throw invalid(object, field, `${asked.join(', ')} is not supported (${supportedVersions.join(', ')} are)`);
}

function flag(value: Record<string, unknown>, field: string, object: string): boolean {
  const given = value[field] ?? false;
  if (typeof given === 'boolean') return given;
  const text = typeof given === 'string' ? given.toLowerCase() : '';
  if (text === 'true' || text === 'false') return text === 'true';
  throw invalid(object, field, 'must be true or false');
}

function pluginConfig(value: unknown, object: string, prefix: string): PluginConfig {
  if (!isObject(value)) throw invalid(object, prefix.slice(0, -1), 'must be an object');
  const { type, capabilities, ipam } = value;
  if (typeof type !== 'string' || type === '')
    throw invalid(object, `${prefix}type`, type === undefined ? 'is missing' : 'must be a string');
  if (!isPluginName(type)) throw invalid(object, `${prefix}type`, `${JSON.stringify(type)} must be a file name, not a path`);
  if (capabilities !== undefined && !isObject(capabilities)) throw invalid(object, `${prefix}capabilities`, 'must be an object');
  if (ipam !== undefined && !isObject(ipam)) throw invalid(object, `${prefix}ipam`, 'must be an object');
  return { ...value, type };
}

function invalid(object: string, field: string, what: string): PluginError {
  return new PluginError('FAILED_PRECONDITION', `${field} ${what}`, { object });
}
