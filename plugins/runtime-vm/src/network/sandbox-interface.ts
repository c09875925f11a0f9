import { PluginError } from '@berth/sdk/errors';
import type { Interface, Route } from '@berth/sdk/guest';

/** `ip -j address show dev eth0`, as far as it is used. */
export interface LinkDescription {
  mtu: number;
  /** Of the link: its MAC. */
  address: string;
  addr_info: { local: string; prefixlen: number; scope: string }[];
}

/** `ip -j route show dev eth0`, as far as it is used. */
export interface RouteDescription {
  /** `default`, an address or a network. */
  dst: string;
  gateway?: string;
  /** `kernel` for those that come with an address. */
  protocol?: string;
}

/** The interface that CNI made, as the guest is to have it: without what its kernel adds by itself. */
export function guestInterface(link: LinkDescription, routes: RouteDescription[]): Interface {
  const addresses = link.addr_info.filter(({ scope }) => scope === 'global').map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  if (addresses.length === 0)
    throw new PluginError('FAILED_PRECONDITION', 'CNI gave it no address', {
      object: 'eth0 of the sandbox',
      hint: 'configure an ipam plugin',
    });
  const own = routes.filter(({ protocol, dst }) => protocol !== 'kernel' && !dst.startsWith('fe80:') && !dst.startsWith('multicast'));
  return { mtu: link.mtu, addresses, routes: own.map(guestRoute).toSorted(linkFirst) };
}

function guestRoute({ dst, gateway = '' }: RouteDescription): Route {
  return { destination: dst, gateway };
}

/** A gateway can be named only once there is a route to it. */
function linkFirst(a: Route, b: Route): number {
  return Number(a.gateway !== '') - Number(b.gateway !== '');
}
