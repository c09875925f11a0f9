import { existsSync, readFileSync } from 'node:fs';
import { formatAddress } from '@berth/sdk/cni/address';
import { tryIpBatch } from '@berth/sdk/cni/ip-batch';
import { setSysctl } from '@berth/sdk/cni/sysctl';
import type { Forwarding } from './forwarding.ts';

/**
 * The host's interface towards the container, if connections to the host's 127.0.0.1 are to be led there. IPv6 has no such
 * thing: the kernel lets nothing from ::1 leave the loopback interface.
 */
export function localnetDevice({ targets, options }: Forwarding): string | undefined {
  const target = targets.find(({ prefix }) => prefix.address.family === 4);
  if (!target || !options.snat) return undefined;
  const outcome = tryIpBatch<{ dev?: string }>([['route', 'get', formatAddress(target.prefix.address)]]);
  // A container that the host has no route to, on a macvlan for instance, is out of reach for the host's own connections anyway.
  return Array.isArray(outcome) ? outcome[0]?.[0]?.dev : undefined;
}

/** Lets packets with a source in 127.0.0.0/8 go out to the interface, and the answers in (ip-sysctl: route_localnet). */
export function routeLocalnet(device: string): void {
  setSysctl(parameter(device), '1');
}

export function routesLocalnet(device: string): boolean {
  return !existsSync(parameter(device)) || readFileSync(parameter(device), 'utf8').trim() === '1';
}

function parameter(device: string): string {
  return `/proc/sys/net/ipv4/conf/${device}/route_localnet`;
}
