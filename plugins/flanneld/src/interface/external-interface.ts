import { type Address, formatAddress, parseAddress } from '@berth/sdk/cni/address';
import { forceBatch } from '@berth/sdk/cni/ip-batch';
import { PluginError } from '@berth/sdk/errors';
import { type ShownRoute, showNetwork } from '../kernel/shown.ts';
import { type Family, type PerFamily, perFamily } from '../per-family.ts';
import { chooseInterface, type InterfaceChoice } from './interface-choice.ts';

/** The interface by which this host reaches the others. */
export interface ExternalInterface {
  name: string;
  mtu: number;
  /** The host's own addresses on it. */
  addresses: PerFamily<Address>;
  /** Where other hosts reach it; another address than its own behind a NAT. */
  publicIps: PerFamily<Address>;
}

/** What the flags say of it. */
interface InterfaceFlags {
  iface: readonly string[];
  'iface-regex': readonly string[];
  'iface-can-reach': string;
  'public-ip': string;
  'public-ipv6': string;
}

/**
 * Finds the interface in this network namespace, as flannel does: by name or address, by a regular expression, by an address that is reached
 * through it, else by the default route. Throws NOT_FOUND that says what was looked for and what there is.
 */
export async function findExternalInterface(flags: InterfaceFlags, families: readonly Family[]): Promise<ExternalInterface> {
  const { links, routes } = await showNetwork();
  const reach = await routeTo(flags['iface-can-reach']);
  const choice = chooseInterface({ links, routes, reach }, flags, families);
  return { ...choice, publicIps: publicIps(choice, flags, families) };
}

async function routeTo(destination: string): Promise<ShownRoute | undefined> {
  if (destination === '') return undefined;
  const address = readAddress(destination, '-iface-can-reach');
  const { shown, failures } = await forceBatch<ShownRoute>('ip', [['route', 'get', formatAddress(address)]]);
  const route = shown[0]?.[0];
  if (route) return route;
  throw new PluginError('NOT_FOUND', failures[0]?.reason ?? 'there is no route to it', {
    object: `flag -iface-can-reach=${destination}`,
    hint: 'name an address that this host has a route to',
  });
}

function publicIps({ addresses }: InterfaceChoice, flags: InterfaceFlags, families: readonly Family[]): PerFamily<Address> {
  const given = { 4: flags['public-ip'], 6: flags['public-ipv6'] };
  return perFamily((family) => {
    if (!families.includes(family)) return undefined;
    if (given[family] === '') return addresses[family];
    const flag = family === 4 ? '-public-ip' : '-public-ipv6';
    const address = readAddress(given[family], flag);
    if (address.family === family) return address;
    throw new PluginError('INVALID_ARGUMENT', `must be an IPv${family} address, and is ${given[family]}`, { object: `flag ${flag}` });
  });
}

function readAddress(text: string, flag: string): Address {
  const address = parseAddress(text);
  if (address) return address;
  throw new PluginError('INVALID_ARGUMENT', `must be an IP address, and is ${JSON.stringify(text)}`, { object: `flag ${flag}` });
}
