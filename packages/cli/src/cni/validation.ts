import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isConfigFileName, readConfigDirectory } from '@berth/sdk/cni/config';
import { pluginExecutable } from '@berth/sdk/cni/plugin-executable';
import type { CniRunner } from '@berth/sdk/cni/runner';
import { isObject, type NetworkConfigList, type PluginConfig } from '@berth/sdk/cni/types';
import { PluginError } from '@berth/sdk/errors';

/** What there is to say of one configuration file. */
export interface ConfigFinding {
  file: string;
  /** Empty where the file can't be read so far. */
  network: string;
  /** `failed`: pods can't get that network, or the file counts for nothing. `warning`: somebody may be surprised. */
  verdict: 'used' | 'not used' | 'warning' | 'failed';
  found: string;
}

/** CONVENTIONS.md, "Dynamic Plugin specific fields (Capabilities / Runtime Configuration)". */
const knownCapabilities = [
  'portMappings',
  'ipRanges',
  'bandwidth',
  'dns',
  'ips',
  'mac',
  'infinibandGUID',
  'deviceID',
  'aliases',
  'cgroupPath',
];

type Plugins = Pick<CniRunner, 'versions'>;

/**
 * Which network of a configuration directory pods get and why, what is wrong with it, and with each of the other files. Executes each plugin
 * once, to ask for its versions. The network that is used comes first.
 */
export async function validateConfiguration(
  confDir: string,
  pluginDirs: string[],
  plugins: Plugins,
  signal?: AbortSignal,
): Promise<ConfigFinding[]> {
  const { networks, problems } = await readConfigDirectory(confDir);
  const examiner = new Examiner(pluginDirs, plugins, signal);
  const [winner, ...others] = networks;
  return [
    ...(winner
      ? [used(winner, networks), ...(await examiner.findings(winner, 'failed')), ...otherChoice(networks)]
      : [nothing(confDir, problems)]),
    ...(await Promise.all(others.map(async (list) => [notUsed(list, networks), ...(await examiner.findings(list, 'warning'))]))).flat(),
    ...problems.map(broken),
    ...(await ignored(confDir)),
  ];
}

/** Of the node's own directory, where another is looked at since it gives no network. */
export function passedOver(nodeConfDir: string, confDir: string): ConfigFinding {
  const why = existsSync(nodeConfDir) ? 'no file of the node has a name of a configuration' : "the node's directory is not there";
  return { file: nodeConfDir, network: '', verdict: 'not used', found: `${why}: ${confDir} is looked at instead` };
}

function used(list: NetworkConfigList, networks: NetworkConfigList[]): ConfigFinding {
  const kind = isList(list) ? '.conflist' : '.conf or .json, and no .conflist loads';
  const why = networks.length === 1 ? 'the only one that loads' : `by name the first ${kind}`;
  const chain = list.plugins.map(describePlugin).join(', ');
  return finding(list, 'used', `${why}; cniVersion ${list.cniVersion}; plugins ${chain}`);
}

function describePlugin(plugin: PluginConfig): string {
  const delegates = delegatesOf(plugin).map(({ key, type }) => `${key} ${type}`);
  return delegates.length > 0 ? `${plugin.type} (${delegates.join(', ')})` : plugin.type;
}

function notUsed(list: NetworkConfigList, networks: NetworkConfigList[]): ConfigFinding {
  const [winner] = networks;
  const namesake = networks.find(({ name }) => name === list.name);
  const why =
    isList(list) || !winner || !isList(winner) ? `${winner?.file} comes before it` : 'a .conf or .json comes after every .conflist';
  const shadowed =
    namesake && namesake !== list ? `, and network ${list.name} is that of ${namesake.file} for who asks for it by name` : '';
  return finding(list, 'not used', `${why}${shadowed}`);
}

/** go-cni and ocicni sort all files by name alone; libcni, by which a network is asked for by its name, has lists first. */
function otherChoice(networks: NetworkConfigList[]): ConfigFinding[] {
  const [winner] = networks;
  const byName = networks.toSorted(({ file: a = '' }, { file: b = '' }) => (a < b ? -1 : 1))[0];
  if (!winner || !byName || byName === winner) return [];
  const found = `containerd and CRI-O take ${byName.file}: they sort by name alone; make it a .conflist, or rename it`;
  return [finding(winner, 'warning', found)];
}

function nothing(confDir: string, problems: PluginError[]): ConfigFinding {
  const cure = problems.length > 0 ? 'mend one of those below' : 'put a .conflist there';
  const found = existsSync(confDir)
    ? `no file here gives a network; ${cure}`
    : 'there is no such directory; make it, and put a .conflist there';
  return { file: confDir, network: '', verdict: 'failed', found };
}

function broken(problem: PluginError): ConfigFinding {
  const { object: file = '', message } = problem;
  return { file, network: '', verdict: 'failed', found: message.startsWith(`${file}: `) ? message.slice(file.length + 2) : message };
}

async function ignored(confDir: string): Promise<ConfigFinding[]> {
  const entries = await readdir(confDir, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory() && !isConfigFileName(entry.name))
    .map(({ name }) => ({
      file: join(confDir, name),
      network: '',
      verdict: 'not used',
      found: 'its name ends neither in .conflist, nor in .conf or .json',
    }));
}

/** What is wrong with networks that load. Each plugin is asked once. */
class Examiner {
  readonly #pluginDirs: string[];
  readonly #plugins: Plugins;
  readonly #signal: AbortSignal | undefined;
  readonly #versions = new Map<string, Promise<string[]>>();

  constructor(pluginDirs: string[], plugins: Plugins, signal: AbortSignal | undefined) {
    this.#pluginDirs = pluginDirs;
    this.#plugins = plugins;
    this.#signal = signal;
  }

  async findings(list: NetworkConfigList, verdict: 'failed' | 'warning'): Promise<ConfigFinding[]> {
    const found: ConfigFinding[] = [];
    for (const [index, plugin] of list.plugins.entries()) {
      const key = `plugins[${index}]`;
      for (const called of [
        { key, type: plugin.type },
        ...delegatesOf(plugin).map(({ key: own, type }) => ({ key: `${key}.${own}`, type })),
      ]) {
        const problem = await this.#problem(called.type, list.cniVersion);
        if (problem !== undefined) found.push(finding(list, verdict, `${called.key}.type ${called.type}: ${problem}`));
      }
      found.push(...capabilityWarnings(list, plugin, key));
    }
    return found;
  }

  async #problem(type: string, cniVersion: string): Promise<string | undefined> {
    try {
      const versions = await this.#versionsOf(type);
      return versions.includes(cniVersion) ? undefined : `answers cniVersion ${versions.join(', ')}, and not ${cniVersion}`;
    } catch (error) {
      this.#signal?.throwIfAborted();
      const { object = '', message } = PluginError.from(error);
      return message.replace(`${object}: `, '');
    }
  }

  #versionsOf(type: string): Promise<string[]> {
    const known = this.#versions.get(type);
    if (known) return known;
    const asked = pluginExecutable(type, this.#pluginDirs, type).then(() => this.#plugins.versions(type, this.#signal));
    this.#versions.set(type, asked);
    return asked;
  }
}

/** What flannel calls where its configuration says nothing else. */
const flannelDefaults = { delegate: { type: 'bridge' }, ipam: { type: 'host-local' } };

/** The plugins that a plugin calls itself, and that those call: IPAM, and what flannel and multus-like ones name. */
function delegatesOf({ type, ipam, delegate }: Record<string, unknown>): { key: string; type: string }[] {
  if (type === 'flannel') {
    const given = isObject(delegate) ? delegate : {};
    const whole = { ...flannelDefaults.delegate, ...given, ipam: { ...flannelDefaults.ipam, ...(isObject(ipam) && ipam) } };
    return called('delegate', whole);
  }
  return [...called('ipam', ipam), ...called('delegate', delegate)];
}

function called(key: string, config: unknown): { key: string; type: string }[] {
  if (!isObject(config) || typeof config.type !== 'string' || config.type === '') return [];
  return [{ key, type: config.type }, ...delegatesOf(config).map((inner) => ({ ...inner, key: `${key}.${inner.key}` }))];
}

function capabilityWarnings(list: NetworkConfigList, { type, capabilities = {} }: PluginConfig, key: string): ConfigFinding[] {
  return Object.keys(capabilities)
    .filter((capability) => !knownCapabilities.includes(capability))
    .map((capability) =>
      finding(list, 'warning', `${key}.capabilities.${capability} of ${type} is none that runtimes know (${knownCapabilities.join(', ')})`),
    );
}

function finding({ file = '', name }: NetworkConfigList, verdict: ConfigFinding['verdict'], found: string): ConfigFinding {
  return { file, network: name, verdict, found };
}

function isList({ file }: NetworkConfigList): boolean {
  return file?.endsWith('.conflist') === true;
}
