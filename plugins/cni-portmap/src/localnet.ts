import { existsSync, readFileSync } from 'node:fs';
import { formatAddress } from '@berth/sdk/cni/address';
import { runBeside } from '@berth/sdk/cni/run-beside';
import { setSysctl } from '@berth/sdk/cni/sysctl';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import type { Forwarding } from './forwarding.ts';

/**
 * The host's interface towards the container, if connections to the host's 127.0.0.1 are to be led there. IPv6 has no such
 * thing: the kernel lets nothing from ::1 leave the loopback interface.
 */
export async function findLocalnetDevice({ targets, options }: Forwarding): Promise<string | undefined> {
  const target = targets.find(({ prefix }) => prefix.address.family === 4);
  if (!target || !options.snat) return undefined;
  const { error, status, stdout } = await runBeside('ip', ['-json', 'route', 'get', formatAddress(target.prefix.address)]);
  if (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const hint = 'install iproute2, or set snat to false';
    throw new CniError(errorCodes.ioFailure, missing ? 'is not on PATH' : error.message, { object: 'ip', cause: error, hint });
  }
  // A container that the host has no route to, on a macvlan for instance, is out of reach for the host's own connections anyway.
  if (status !== 0) return undefined;
  const [route] = JSON.parse(stdout) as { dev?: string }[];
  return route?.dev;
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
