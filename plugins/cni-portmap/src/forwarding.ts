import type { Address, Prefix } from '@berth/sdk/cni/address';
import { formatAddress, parsePrefix } from '@berth/sdk/cni/address';
import { invalid } from '@berth/sdk/cni/keys';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import type { IpConfig, Result } from '@berth/sdk/cni/types';
import type { Configuration, PortMapping } from './configuration.ts';

/** What rules belong to: one container on one network. */
export interface Owner {
  network: string;
  containerId: string;
}

/** What an owner's rules are about, for messages. */
export function objectOf({ containerId }: Pick<Owner, 'containerId'>): string {
  return `port mappings of container ${containerId}`;
}

/** Ports of the host that lead to one container. */
export interface Forwarding extends Owner {
  /** One of each family at most. */
  targets: Target[];
  options: Omit<Configuration, 'mappings' | 'backend'>;
  /** The host's interface towards the container, where connections to 127.0.0.1 are to be led there too. */
  localnetDevice?: string;
}

/** The container's address of one family, with what leads there. */
export interface Target {
  prefix: Prefix;
  /** Those of one address of the host come before those of all: the first that fits gets the connection. */
  mappings: PortMapping[];
}

/**
 * What an ADD or a CHECK is about; undefined where the runtime asks for no ports. Throws a CniError (code 7) where there is no
 * address of the container that a port could lead to.
 */
export function planForwarding(
  { config, prevResult, containerId, ifName }: PluginRequest,
  { mappings, backend: _, ...options }: Configuration,
): Forwarding | undefined {
  if (!prevResult) throw invalid('prevResult', 'is missing', 'list portmap behind a plugin that gives addresses');
  if (mappings.length === 0) return undefined;
  const addresses = containerAddresses(prevResult, ifName);
  if (addresses.length === 0) throw invalid('prevResult', `has no address of interface ${ifName}, to which ports could lead`);
  for (const [index, mapping] of mappings.entries()) {
    const hostAddress = addressOf(mapping);
    if (!hostAddress || addresses.some(({ address }) => sameFamily(address, hostAddress))) continue;
    const what = `port ${mapping.hostPort} can't lead to the container, which has no IPv${hostAddress.family} address`;
    throw invalid(`runtimeConfig.portMappings[${index}].hostIP`, what, 'use a hostIP of the other family, or none');
  }
  const targets = addresses.map((prefix) => ({
    prefix,
    mappings: specificFirst(mappings.filter((mapping) => applies(mapping, prefix.address))),
  }));
  return { network: config.name ?? '', containerId, targets: targets.filter((target) => target.mappings.length > 0), options };
}

/** The one address of the host that a mapping is for. */
export function addressOf({ hostIP }: PortMapping): Address | undefined {
  return hostIP && !isAny(hostIP) ? hostIP : undefined;
}

/** Where a mapping leads, as both back ends write it. */
export function endpoint(address: Address, port: number): string {
  return address.family === 4 ? `${formatAddress(address)}:${port}` : `[${formatAddress(address)}]:${port}`;
}

/** 0.0.0.0 or ::, which stands for every address of the host of that family. */
function isAny({ value }: Address): boolean {
  return value === 0n;
}

function specificFirst(mappings: PortMapping[]): PortMapping[] {
  return [...mappings.filter(addressOf), ...mappings.filter((mapping) => !addressOf(mapping))];
}

function applies({ hostIP }: PortMapping, address: Address): boolean {
  return hostIP === undefined || sameFamily(hostIP, address);
}

function sameFamily(one: Address, other: Address): boolean {
  return one.family === other.family;
}

/** The first address of each family that is the container's. */
function containerAddresses(result: Result, ifName: string): Prefix[] {
  const prefixes = (result.ips ?? []).filter((ip) => isInside(ip, result, ifName)).flatMap(({ address }) => parsePrefix(address) ?? []);
  return ([4, 6] as const).flatMap((family) => prefixes.find(({ address }) => address.family === family) ?? []);
}

function isInside({ interface: index }: IpConfig, { interfaces = [] }: Result, ifName: string): boolean {
  const owner = index === undefined ? undefined : interfaces[index];
  return !owner || (owner.name === ifName && Boolean(owner.sandbox));
}
