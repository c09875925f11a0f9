import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import type { DNSConfig } from '@berth/sdk/cri';
import { parseResolvConf } from './cri/dns-config.ts';

/** The host's resolv.conf; empty where there is none. Read anew for each pod, since the host may move to another network. */
export async function readHostDns(): Promise<DNSConfig> {
  return parseResolvConf(await readFile('/etc/resolv.conf', 'utf8').catch(() => ''));
}

/** The first IPv4 address of the host by which others may reach it. */
export function hostAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}
