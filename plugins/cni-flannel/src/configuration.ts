import { invalid, Keys } from '@berth/sdk/cni/keys';
import { isPluginName, type PluginConfig } from '@berth/sdk/cni/types';

/** The plugin's keys, checked, with their defaults. */
export interface Configuration {
  /** Where flanneld writes what this host's part of the network is. */
  subnetFile: string;
  /** Where it is kept what each container was delegated with. */
  dataDir: string;
  /** The plugin that connects containers. */
  type: string;
  /** Its keys, as the user wants them. */
  delegateKeys: Record<string, unknown>;
  /** Keys of its IPAM plugin, and the routes among them. */
  ipam: Record<string, unknown>;
  routes: unknown[];
  /** What the runtime has for it. */
  runtimeConfig?: Record<string, unknown>;
}

const defaultSubnetFile = '/run/flannel/subnet.env';
const defaultDataDir = '/var/lib/cni/flannel';
const defaultType = 'bridge';

/** Those that this plugin sets. */
const reserved = ['name', 'ipam'];

/** Reads the configuration. Throws a CniError (code 7) that names the key. */
export function readConfiguration(config: PluginConfig): Configuration {
  const keys = new Keys(config);
  const runtimeConfig = readObject(keys, 'runtimeConfig');
  const ipam = readObject(keys, 'ipam') ?? {};
  return {
    subnetFile: keys.string('subnetFile') ?? defaultSubnetFile,
    dataDir: keys.string('dataDir') ?? defaultDataDir,
    ...readDelegate(keys),
    ipam,
    routes: new Keys(ipam, 'ipam').list('routes'),
    ...(runtimeConfig ? { runtimeConfig } : {}),
  };
}

/** Where DEL finds what ADD has kept: that doesn't depend on the rest of the configuration, which may have become wrong since. */
export function readDataDir(config: PluginConfig): string {
  return new Keys(config).string('dataDir') ?? defaultDataDir;
}

function readDelegate(keys: Keys): Pick<Configuration, 'type' | 'delegateKeys'> {
  const delegate = keys.object('delegate');
  if (!delegate) return { type: defaultType, delegateKeys: {} };
  const set = reserved.find((key) => delegate.value(key) !== undefined);
  if (set)
    throw invalid(delegate.path(set), 'is set by flannel', `remove it from delegate${set === 'ipam' ? ', and use ipam beside it' : ''}`);
  const type = delegate.string('type') ?? defaultType;
  if (!isPluginName(type)) throw delegate.wrong('type', 'must be the file name of a plugin');
  if (type === 'flannel') throw delegate.wrong('type', 'must be another plugin', 'use "bridge"');
  return { type, delegateKeys: keys.value('delegate') as Record<string, unknown> };
}

/** An object as it is. */
function readObject(keys: Keys, key: string): Record<string, unknown> | undefined {
  return keys.object(key) && (keys.value(key) as Record<string, unknown>);
}
