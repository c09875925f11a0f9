import { invalid, Keys } from '@berth/sdk/cni/keys';
import type { Request } from '@berth/sdk/cni/plugin';
import { interfaceNameProblem, longestInterfaceName } from '@berth/sdk/cni/request';
import type { Dns } from '@berth/sdk/cni/types';
import { readVlanTrunk } from './vlan-trunk.ts';

/** What masquerades: the kernel's packet filter by one program or the other. */
export type MasqueradeBackendName = 'iptables' | 'nftables';

/** The bridge's keys, checked, with their defaults. */
export interface Configuration {
  bridge: string;
  isGateway: boolean;
  isDefaultGateway: boolean;
  forceAddress: boolean;
  ipMasq: boolean;
  /** Absent: iptables where it works, else nftables. */
  ipMasqBackend?: MasqueradeBackendName;
  /** Absent: what the kernel chooses. */
  mtu?: number;
  hairpinMode: boolean;
  promiscMode: boolean;
  /** The VLAN of the container's untagged frames; 0 for none. */
  vlan: number;
  /** The VLANs whose tagged frames pass to the container. */
  vlanTrunk: number[];
  /** Whether the port stays in the VLAN that the bridge puts every port in. */
  preserveDefaultVlan: boolean;
  macspoofchk: boolean;
  /** Duplicate address detection of IPv6 on the container's interface. */
  enabledad: boolean;
  /** Leaves the container's interface down. */
  disableContainerInterface: boolean;
  portIsolation: boolean;
  /** The IPAM plugin; without one the interface gets no address. */
  ipam?: string;
  /** The container interface's hardware address, if one is asked for. */
  mac?: string;
  /** The configuration's own, in place of what the IPAM plugin gives. */
  dns?: Dns;
}

const largestVlan = 4094;
const largestMtu = 65_535;
/** Of an Ethernet interface (ETH_MIN_MTU). */
const smallestMtu = 68;

/** Reads the configuration. Throws a CniError (code 7) that names the key with a wrong value, or two that exclude each other. */
export function readConfiguration({ config, args }: Pick<Request, 'config' | 'args'>): Configuration {
  const keys = new Keys(config);
  const flag = (key: string) => keys.boolean(key) ?? false;
  const ipMasqBackend = keys.oneOf('ipMasqBackend', ['iptables', 'nftables']);
  const mtu = readMtu(keys);
  const ipam = readIpam({ config });
  const mac = readMac(keys, args);
  const dns = readDns(keys);
  const configuration: Configuration = {
    bridge: readBridge(keys),
    isGateway: flag('isGateway') || flag('isDefaultGateway'),
    isDefaultGateway: flag('isDefaultGateway'),
    forceAddress: flag('forceAddress'),
    ipMasq: flag('ipMasq'),
    hairpinMode: flag('hairpinMode'),
    promiscMode: flag('promiscMode'),
    vlan: keys.integer('vlan', 0, largestVlan) ?? 0,
    vlanTrunk: readVlanTrunk(keys.objects('vlanTrunk'), largestVlan),
    preserveDefaultVlan: keys.boolean('preserveDefaultVlan') ?? true,
    macspoofchk: flag('macspoofchk'),
    enabledad: flag('enabledad'),
    disableContainerInterface: flag('disableContainerInterface'),
    portIsolation: flag('portIsolation'),
    ...(ipMasqBackend ? { ipMasqBackend } : {}),
    ...(mtu ? { mtu } : {}),
    ...(ipam ? { ipam } : {}),
    ...(mac ? { mac } : {}),
    ...(dns ? { dns } : {}),
  };
  refuseContradictions(configuration);
  return configuration;
}

/** The IPAM plugin's name; undefined without one. Throws a CniError (code 7) where it can't be read. */
export function readIpam({ config }: Pick<Request, 'config'>): string | undefined {
  return new Keys(config).object('ipam')?.string('type');
}

/** What DEL looks for beside the interface and its addresses. */
export interface Removal {
  ipMasq: boolean;
  /** The one to ask first. */
  ipMasqBackend: MasqueradeBackendName;
  macspoofchk: boolean;
}

/** Reads it whatever the values are, which may have been changed since ADD: no wrong one keeps DEL from undoing. */
export function readRemoval({ config }: Pick<Request, 'config'>): Removal {
  const keys = new Keys(config);
  const mayBe = (key: string) => (keys.value(key) ?? false) !== false;
  return {
    ipMasq: mayBe('ipMasq'),
    ipMasqBackend: keys.value('ipMasqBackend') === 'nftables' ? 'nftables' : 'iptables',
    macspoofchk: mayBe('macspoofchk'),
  };
}

/** The name of the bridge's own interface in a VLAN, which is the gateway there. */
export function vlanGatewayName({ bridge, vlan }: Pick<Configuration, 'bridge' | 'vlan'>): string {
  return `${bridge}.${vlan}`;
}

function refuseContradictions(configuration: Configuration): void {
  const { hairpinMode, promiscMode, vlan, vlanTrunk, ipam, disableContainerInterface, isGateway, bridge } = configuration;
  if (hairpinMode && promiscMode) throw invalid('hairpinMode', 'excludes promiscMode', 'set one of them');
  if (vlan > 0 && vlanTrunk.length > 0) throw invalid('vlan', 'excludes vlanTrunk', 'set one of them');
  if (ipam !== undefined && disableContainerInterface) {
    throw invalid('disableContainerInterface', 'excludes ipam: an interface that is down has no use for an address', 'set one of them');
  }
  if (isGateway && vlan > 0 && Buffer.byteLength(vlanGatewayName(configuration)) > longestInterfaceName) {
    const rule = `leaves no room for the gateway's interface, ${vlanGatewayName(configuration)}`;
    const hint = `use a name that with ".${vlan}" has at most ${longestInterfaceName} bytes`;
    throw invalid('bridge', `${JSON.stringify(bridge)} ${rule}`, hint);
  }
}

/** Undefined where the kernel chooses it, which 0 says, too. */
function readMtu(keys: Keys): number | undefined {
  const mtu = keys.integer('mtu', 0, largestMtu) || undefined;
  if (mtu === undefined || mtu >= smallestMtu) return mtu;
  throw keys.wrong('mtu', `must be at least ${smallestMtu}`, "use a larger one, or leave it out for the kernel's");
}

function readBridge(keys: Keys): string {
  const bridge = keys.string('bridge') ?? 'cni0';
  const problem = interfaceNameProblem(bridge);
  if (problem === undefined) return bridge;
  throw invalid('bridge', `${JSON.stringify(bridge.slice(0, 100))} ${problem}`, 'name an interface');
}

/** The first that is given of the capability `mac`, `args.cni.mac` and CNI_ARGS MAC. */
function readMac(keys: Keys, args: Record<string, string>): string | undefined {
  const fromArgs = keys.object('args')?.object('cni');
  const fromRuntime = keys.object('runtimeConfig');
  const given = [
    { path: 'runtimeConfig.mac', mac: fromRuntime?.string('mac') },
    { path: 'args.cni.mac', mac: fromArgs?.string('mac') },
    { path: 'CNI_ARGS MAC', mac: args.MAC || undefined },
  ].find(({ mac }) => mac !== undefined);
  if (given?.mac === undefined) return undefined;
  const mac = given.mac.toLowerCase().replaceAll('-', ':');
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw invalid(given.path, `must be a hardware address like 0a:58:0a:01:00:02, and is ${JSON.stringify(given.mac)}`);
  }
  if (!isUnicast(mac)) throw invalid(given.path, `${given.mac} is no address of one interface`, 'use one whose first octet is even');
  return mac;
}

function isUnicast(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0 && mac !== '00:00:00:00:00:00';
}

function readDns(keys: Keys): Dns | undefined {
  const dns = keys.object('dns');
  if (!dns) return undefined;
  const lists = { nameservers: dns.strings('nameservers'), search: dns.strings('search'), options: dns.strings('options') };
  const given = Object.entries(lists).filter(([, list]) => list.length > 0);
  const domain = dns.string('domain');
  const read: Dns = { ...Object.fromEntries(given), ...(domain === undefined ? {} : { domain }) };
  return Object.keys(read).length > 0 ? read : undefined;
}
