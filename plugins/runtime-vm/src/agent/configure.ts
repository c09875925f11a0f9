import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { Configure, Interface } from '@berth/sdk/guest';
import { setClock } from './libc.ts';

/** How far the guest's clock may be off before it is set, which makes it jump. */
const clockToleranceNs = 1_000_000_000n;

/** Makes the machine the pod's: clock, host name, sysctls, network. */
export function configure({ hostname, sysctls, interface: network, now }: Configure): void {
  setClock(now);
  if (hostname !== '') writeFileSync('/proc/sys/kernel/hostname', hostname);
  ip('link', 'set', 'lo', 'up');
  if (network) bringUp(network);
  // After the interface: some of them are its own.
  for (const [name, value] of Object.entries(sysctls)) setSysctl(name, value);
}

/** `now`: the host's time, as far as the guest can know it. */
export function keepClock(now: bigint): void {
  const ahead = BigInt(Date.now()) * 1_000_000n - now;
  if (ahead > clockToleranceNs || ahead < -clockToleranceNs) setClock(now);
}

function bringUp({ mtu, addresses, routes }: Interface): void {
  // The address is CNI's, and known to be nobody else's.
  for (const [name, value] of [
    ['accept_dad', '0'],
    ['accept_ra', '0'],
  ] as const)
    setSysctl(`net.ipv6.conf.eth0.${name}`, value);
  ip('link', 'set', 'eth0', 'mtu', String(mtu), 'up');
  for (const address of addresses) ip(...family(address), 'addr', 'add', address, 'dev', 'eth0');
  for (const { destination, gateway } of routes) {
    const via = gateway === '' ? [] : ['via', gateway];
    ip(...family(gateway || destination), 'route', 'replace', destination, ...via, 'dev', 'eth0');
  }
}

function family(address: string): string[] {
  return address.includes(':') ? ['-6'] : [];
}

function ip(...args: string[]): void {
  try {
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    throw new PluginError('INTERNAL', stderr?.trim() || String(cause), { object: `ip ${args.join(' ')} in the guest`, cause });
  }
}

function setSysctl(name: string, value: string): void {
  try {
    writeFileSync(join('/proc/sys', name.replaceAll('.', '/')), value);
  } catch (cause) {
    throw new PluginError('INVALID_ARGUMENT', `the guest's kernel doesn't take it: ${(cause as Error).message}`, {
      object: `sysctl ${name}=${value}`,
      cause,
    });
  }
}
