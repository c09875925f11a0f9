import type { Address, Prefix } from '@berth/sdk/cni/address';
import { parsePrefix } from '@berth/sdk/cni/address';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import type { IpConfig, Result } from '@berth/sdk/cni/types';
import type { Configuration, PortMapping } from './configuration.ts';
import { invalid, readConfiguration } from './configuration.ts';

/** Ports of the host that lead to one container. */
export interface Forwarding {
  network: string;
  containerId: string;
  /** One of each family at most. */
  targets: Target[];
  options: Omit<Configuration, 'mappings'>;
}

/** The container's address of one family, with what leads there. */
export interface Target {
  prefix: Prefix;
  mappings: PortMapping[];
}

/**
 * What an ADD or a CHECK is about; undefined where the runtime asks for no ports. Throws a CniError (code 7) where there is no
 * address of the container that a port could lead to.
 */
export function readForwarding({ config, prevResult, containerId, ifName }: PluginRequest): Forwarding | undefined {
  const { mappings, ...options } = readConfiguration(config);
  if (!prevResult) throw invalid('prevResult', 'is missing', 'list portmap behind a plugin that gives addresses');
  if (mappings.length === 0) return undefined;
  const addresses = containerAddresses(prevResult, ifName);
  if (addresses.length === 0) throw invalid('prevResult', `has no address of interface ${ifName}, to which ports could lead`);
  const unreachable = mappings.find(
    ({ hostIP }) => hostIP && !isAny(hostIP) && !addresses.some(({ address }) => sameFamily(address, hostIP)),
  );
  if (unreachable) {
    const what = `port ${unreachable.hostPort} can't lead to the container, which has no IPv${unreachable.hostIP?.family} address`;
    throw invalid('hostIP', what, 'use a hostIP of the other family, or none');
  }
  const targets = addresses.map((prefix) => ({ prefix, mappings: mappings.filter((mapping) => applies(mapping, prefix.address)) }));
  return { network: config.name ?? '', containerId, targets: targets.filter((target) => target.mappings.length > 0), options };
}

/** 0.0.0.0 or ::, which stands for every address of the host of that family. */
export function isAny({ value }: Address): boolean {
  return value === 0n;
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
