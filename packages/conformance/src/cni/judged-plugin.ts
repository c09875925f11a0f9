import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { type GivenConfiguration, readConfiguration } from './configuration-file.ts';
import { defaultConfiguration } from './default-configuration.ts';
import { kindOf, type PluginKind } from './kind.ts';

export interface JudgedPluginOptions {
  /** Path of the executable; its name is the plugin's type. */
  plugin: string;
  /** A file with its network configuration, or with a list that has the plugins before it too. Default: one that fits its name. */
  configFile?: string;
  /** Default: told by the configuration or by its name. */
  kind?: PluginKind;
  /** Directories of CNI_PATH beside the plugin's own, for the plugins that it delegates to. */
  path?: string[];
}

/** What is judged, with which configuration. */
export interface JudgedPlugin {
  /** Path of the executable. */
  plugin: string;
  kind: PluginKind;
  given: GivenConfiguration;
  /** The directories of CNI_PATH. */
  path: string[];
}

const tools = ['unshare', 'nsenter', 'mount', 'ip', 'nft'];

/** Reads what the caller gave. Throws INVALID_ARGUMENT, and FAILED_PRECONDITION where no plugin can be judged on this host. */
export function judgedPlugin({ plugin: file, configFile, kind: said, path = [] }: JudgedPluginOptions): JudgedPlugin {
  const plugin = resolve(file);
  const name = basename(plugin);
  checkExecutable(plugin);
  const read = configFile === undefined ? undefined : readConfiguration(configFile, name);
  const kind = said ?? kindOf(name, read?.config, (read?.before.length ?? 0) > 0);
  const given = read ?? { config: defaultConfiguration(name, kind), before: [] };
  checkHost();
  return { plugin, kind, given, path: [dirname(plugin), ...path.map((directory) => resolve(directory))] };
}

function checkExecutable(plugin: string): void {
  const refuse = (what: string): PluginError =>
    new PluginError('INVALID_ARGUMENT', what, { object: `CNI plugin ${plugin}`, hint: 'name the executable file of a CNI plugin' });
  const found = statSync(plugin, { throwIfNoEntry: false });
  if (!found) throw refuse('there is no such file');
  if (!found.isFile()) throw refuse('it is no file');
  try {
    accessSync(plugin, constants.X_OK);
  } catch {
    throw refuse('it is not executable');
  }
}

function checkHost(): void {
  const object = 'berth conform cni';
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new PluginError('FAILED_PRECONDITION', 'network namespaces need root on Linux', { object, hint: 'run it as root' });
  }
  const directories = (process.env.PATH ?? '').split(':');
  const missing = tools.filter((tool) => !directories.some((directory) => existsSync(join(directory, tool))));
  if (missing.length === 0) return;
  const hint = 'install util-linux, iproute2 and nftables, or extend PATH';
  throw new PluginError('FAILED_PRECONDITION', `not on PATH: ${missing.join(', ')}`, { object, hint });
}
