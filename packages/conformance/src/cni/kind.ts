import { PluginError } from '@berth/sdk/errors';

/**
 * What a plugin is for: `main` makes an interface, `ipam` gives addresses to one that does, `meta` changes what another has made
 * (the folders of containernetworking/plugins).
 */
export const pluginKinds = ['main', 'ipam', 'meta'] as const;

export type PluginKind = (typeof pluginKinds)[number];

/** Plugins that everybody has, by the name of their executable. */
const known: Record<PluginKind, string[]> = {
  main: ['bridge', 'dummy', 'flannel', 'host-device', 'ipvlan', 'loopback', 'macvlan', 'ptp', 'tap', 'vlan'],
  ipam: ['dhcp', 'host-local', 'static', 'whereabouts'],
  meta: ['bandwidth', 'firewall', 'portmap', 'sbr', 'tuning', 'vrf'],
};

/** The kind of the plugin called `name`: by its configuration where that shows it, else by its name. Throws INVALID_ARGUMENT where neither does. */
export function kindOf(name: string, config: Record<string, unknown> | undefined, isChained: boolean): PluginKind {
  if (isChained || config?.prevResult !== undefined) return 'meta';
  const ipamType = (config?.ipam as { type?: unknown } | undefined)?.type;
  if (ipamType === name) return 'ipam';
  const kind = pluginKinds.find((one) => known[one].includes(name));
  if (kind) return kind;
  if (ipamType !== undefined) return 'main';
  throw new PluginError('INVALID_ARGUMENT', 'its kind can be told neither by its name nor by its configuration', {
    object: `CNI plugin ${name}`,
    hint: `say --kind ${pluginKinds.join('|')}: it makes interfaces, gives addresses, or changes what another plugin has made`,
  });
}
