import { type Address, formatAddress, parseAddress, sameAddress } from '@berth/sdk/cni/address';
import { PluginError } from '@berth/sdk/errors';
import type { ShownLink, ShownRoute } from '../kernel/shown.ts';
import { type Family, type PerFamily, perFamily } from '../per-family.ts';

/** The interface that was chosen, and its addresses of the wanted families. */
export interface InterfaceChoice {
  name: string;
  mtu: number;
  addresses: PerFamily<Address>;
}

/** What there is to choose from. */
interface Network {
  links: readonly ShownLink[];
  routes: readonly ShownRoute[];
  /** The route to the address that must be reachable, where one is told. */
  reach?: ShownRoute | undefined;
}

interface Wishes {
  iface: readonly string[];
  'iface-regex': readonly string[];
}

/** An interface, and the address of it that was asked for, if one was. */
interface Match {
  link: ShownLink;
  address?: Address | undefined;
}

/** Chooses among the interfaces as flannel does. Throws NOT_FOUND where none is as asked for, or it lacks an address of a family. */
export function chooseInterface(network: Network, wishes: Wishes, families: readonly Family[]): InterfaceChoice {
  const { link, address } = match(network, wishes, families);
  const addresses = perFamily((family) => {
    if (!families.includes(family)) return undefined;
    const found = address?.family === family ? address : addressesOf(link, family)[0];
    if (found) return found;
    throw notFound(`interface ${link.ifname}`, `has no IPv${family} address`, 'give it one, or choose another by -iface');
  });
  return { name: link.ifname, mtu: link.mtu, addresses };
}

function match(network: Network, wishes: Wishes, families: readonly Family[]): Match {
  const { links, reach } = network;
  const matches = [
    ...wishes.iface.map((wish) => byNameOrAddress(links, wish)),
    ...wishes['iface-regex'].map((pattern) => byPattern(links, pattern, families)),
  ];
  const found = matches.find((candidate) => candidate !== undefined);
  if (found) return found;
  if (matches.length > 0) {
    const asked = [...wishes.iface, ...wishes['iface-regex']].join(', ');
    throw notFound('flags -iface and -iface-regex', `no interface matches ${asked}; there are ${describe(links)}`, 'name one of these');
  }
  if (reach) return byRoute(links, reach);
  return byDefaultRoute(network, families);
}

function byNameOrAddress(links: readonly ShownLink[], wish: string): Match | undefined {
  const address = parseAddress(wish);
  const link = links.find((candidate) =>
    address ? addressesOf(candidate, address.family).some((own) => sameAddress(own, address)) : candidate.ifname === wish,
  );
  return link && { link, address };
}

/** Addresses are matched first, then names. */
function byPattern(links: readonly ShownLink[], pattern: string, families: readonly Family[]): Match | undefined {
  const expression = compile(pattern);
  for (const link of links) {
    const address = families.flatMap((family) => addressesOf(link, family)).find((own) => expression.test(formatAddress(own)));
    if (address) return { link, address };
  }
  const link = links.find(({ ifname }) => expression.test(ifname));
  return link && { link };
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    throw new PluginError('INVALID_ARGUMENT', (cause as Error).message, { object: `flag -iface-regex=${pattern}`, cause });
  }
}

function byRoute(links: readonly ShownLink[], { dev, prefsrc }: ShownRoute): Match {
  const link = links.find(({ ifname }) => ifname === dev);
  if (link) return { link, address: parseAddress(prefsrc) };
  throw notFound('flag -iface-can-reach', `no interface ${dev}`, 'name another address');
}

/** With both families their default routes must go the same way: one interface carries the network. */
function byDefaultRoute({ links, routes }: Network, families: readonly Family[]): Match {
  const found = families.map((family) => {
    const device = routes.find((route) => route.dst === 'default' && familyOf(route) === family)?.dev;
    const link = links.find(({ ifname }) => ifname === device);
    if (link) return link;
    throw notFound(
      `default IPv${family} route`,
      'there is none, so the interface to the other hosts is not known',
      `name it by -iface, one of ${describe(links)}`,
    );
  });
  const [first, second = first] = found;
  if (first && first === second) return { link: first };
  throw notFound('default routes', `IPv4 takes ${first?.ifname} and IPv6 ${second?.ifname}`, 'name one interface for both by -iface');
}

function familyOf({ gateway, pref }: ShownRoute): Family {
  return pref !== undefined || gateway?.includes(':') ? 6 : 4;
}

/** Global addresses before those of the link alone, in the order in which the kernel has them. */
function addressesOf(link: ShownLink, family: Family): Address[] {
  const own = (link.addr_info ?? []).filter((info) => info.family === (family === 4 ? 'inet' : 'inet6'));
  const ofScope = (scope: string) => own.filter((info) => info.scope === scope);
  return [...ofScope('global'), ...ofScope('site'), ...ofScope('link')].flatMap(({ local }) => parseAddress(local) ?? []);
}

function describe(links: readonly ShownLink[]): string {
  return links.map(({ ifname }) => ifname).join(', ');
}

function notFound(object: string, what: string, hint: string): PluginError {
  return new PluginError('NOT_FOUND', what, { object, hint });
}
