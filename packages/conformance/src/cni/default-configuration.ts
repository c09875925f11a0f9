import { subnetFile, uplink } from './host.ts';
import type { PluginKind } from './kind.ts';

/** A plugin's part of a network configuration; the suite adds `cniVersion` and `name`. */
export type PluginConfiguration = Record<string, unknown>;

/** The network of the suite's own configurations. */
const defaultSubnet = '10.89.0.0/24';

const routes = [{ dst: '0.0.0.0/0' }];
const hostLocal = { type: 'host-local', ranges: [[{ subnet: defaultSubnet }]], routes };
const requestable = { mac: true, ips: true };

/** What the plugins that everybody has are judged with where no configuration is given. */
const byName: Record<string, PluginConfiguration> = {
  bridge: { bridge: 'cni0', isGateway: true, ipMasq: true, capabilities: requestable, ipam: hostLocal },
  ptp: { ipMasq: true, capabilities: { ips: true }, ipam: hostLocal },
  macvlan: { master: uplink, capabilities: requestable, ipam: hostLocal },
  ipvlan: { master: uplink, capabilities: { ips: true }, ipam: hostLocal },
  flannel: { subnetFile, delegate: { isDefaultGateway: true } },
  loopback: {},
  'host-local': { capabilities: { ips: true }, ipam: hostLocal },
  static: { ipam: { type: 'static', addresses: [{ address: '10.89.0.2/24', gateway: '10.89.0.1' }], routes } },
  portmap: {
    capabilities: { portMappings: true },
    snat: true,
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
  },
  tuning: { sysctl: { 'net.ipv4.conf.all.log_martians': '1' } },
};

const byKind: Record<PluginKind, PluginConfiguration> = { main: { ipam: hostLocal }, ipam: { ipam: hostLocal }, meta: {} };

/** The configuration that a plugin is judged with where the caller gives none. */
export function defaultConfiguration(name: string, kind: PluginKind): PluginConfiguration {
  const config = byName[name] ?? byKind[kind];
  return kind === 'ipam' && !(name in byName) ? { ...config, ipam: { ...hostLocal, type: name } } : config;
}
