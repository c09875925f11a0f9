import { formatPrefix } from '@berth/sdk/cni/address';
import type { IpCommand } from '@berth/sdk/cni/ip-batch';
import { canonical, destinationOf, type ShownRoute } from './shown.ts';

/**
 * The protocol that our routes have in the kernel (rtnetlink(7), rtm_protocol), by which they are known after a restart. No name in
 * /etc/iproute2/rt_protos has this number.
 */
export const routeProtocol = '85';

/** A route that this daemon makes. Addresses are as `formatAddress()` writes them. */
export interface Route {
  /** A prefix. */
  destination: string;
  /** Undefined for what the device reaches itself. */
  gateway?: string;
  device: string;
  /** The gateway counts as reachable on the device, whatever its address. */
  onlink?: boolean;
}

/** An address on a device, whose MAC address is told and not asked for. */
export interface Neighbour {
  address: string;
  mac: string;
}

/** A MAC address behind a VXLAN device, and the host that it is sent to. */
export interface Forwarding {
  mac: string;
  host: string;
}

/** What to change, in the order in which it has to be done: nothing is sent to where it isn't awaited. */
export interface Changes {
  add: IpCommand[];
  remove: IpCommand[];
}

/** What makes the routes of the main table be those that are wanted; of others only those are removed that `isOurs`. */
export function planRoutes(wanted: readonly Route[], shown: readonly ShownRoute[], isOurs: (route: ShownRoute) => boolean): Changes {
  const actual = shown.flatMap((route) => {
    const destination = destinationOf(route);
    return destination ? [{ route, destination: formatPrefix(destination) }] : [];
  });
  const byDestination = Map.groupBy(actual, ({ destination }) => destination);
  const add = wanted
    .filter((wish) => !byDestination.get(wish.destination)?.some(({ route }) => isSame(route, wish)))
    .map(({ destination, gateway, device, onlink }) => [
      'route',
      'replace',
      destination,
      ...(gateway === undefined ? [] : ['via', gateway]),
      'dev',
      device,
      ...(onlink ? ['onlink'] : []),
      'proto',
      routeProtocol,
    ]);
  const destinations = new Set(wanted.map(({ destination }) => destination));
  const remove = actual
    .filter(({ route, destination }) => isOurs(route) && !destinations.has(destination))
    .map(({ route: { gateway, dev }, destination }) => [
      'route',
      'del',
      destination,
      ...(gateway === undefined ? [] : ['via', gateway]),
      ...(dev === undefined ? [] : ['dev', dev]),
    ]);
  return { add, remove };
}

/** What makes the permanent neighbours of a device be those that are wanted. */
export function planNeighbours(device: string, wanted: readonly Neighbour[], shown: readonly { dst?: string; lladdr?: string }[]): Changes {
  const actual = new Map(shown.map(({ dst, lladdr }) => [canonical(dst), lladdr]));
  const addresses = new Set(wanted.map(({ address }) => address));
  return {
    add: wanted
      .filter(({ address, mac }) => actual.get(address) !== mac)
      .map(({ address, mac }) => ['neigh', 'replace', address, 'lladdr', mac, 'dev', device, 'nud', 'permanent']),
    remove: [...actual.keys()].flatMap((address) =>
      address === undefined || addresses.has(address) ? [] : [['neigh', 'del', address, 'dev', device]],
    ),
  };
}

/** What makes the permanent entries of a VXLAN device's forwarding table be those that are wanted; commands of bridge(8). */
export function planForwardings(
  device: string,
  wanted: readonly Forwarding[],
  shown: readonly { mac?: string; dst?: string; state?: string }[],
): Changes {
  const actual = shown.flatMap(({ mac, dst, state }) => {
    const host = canonical(dst);
    return mac !== undefined && host !== undefined && state === 'permanent' ? [{ mac, host }] : [];
  });
  const entry = ({ mac, host }: Forwarding): string => `${mac} ${host}`;
  const present = new Set(actual.map(entry));
  const macs = new Set(wanted.map(({ mac }) => mac));
  return {
    add: wanted
      .filter((forwarding) => !present.has(entry(forwarding)))
      .map(({ mac, host }) => ['fdb', 'replace', mac, 'dev', device, 'dst', host, 'self', 'permanent']),
    remove: actual.filter(({ mac }) => !macs.has(mac)).map(({ mac, host }) => ['fdb', 'del', mac, 'dev', device, 'dst', host, 'self']),
  };
}

/** One of another protocol, as flannel's own daemon leaves it, is another's still: it would stay when its lease ends. */
function isSame(shown: ShownRoute, { gateway, device, onlink = false }: Route): boolean {
  const flags = shown.flags ?? [];
  return (
    shown.protocol === routeProtocol && shown.dev === device && canonical(shown.gateway) === gateway && flags.includes('onlink') === onlink
  );
}
