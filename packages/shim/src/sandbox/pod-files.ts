import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname as hostName } from 'node:os';
import { join } from 'node:path';
import type { DNSConfig, PodSandboxConfig } from '@berth/sdk/cri';
import { usesHostNetwork } from './sandbox.ts';

/**
 * Writes /etc/resolv.conf, /etc/hosts and /etc/hostname of a pod below `directory`; gives the host path of each. A pod
 * without DNS configuration, or with an empty one, has the host's resolv.conf; one of the host network its hosts too.
 */
export async function writePodFiles(directory: string, config: PodSandboxConfig, ips: string[]): Promise<Record<string, string>> {
  const hostname = config.hostname || hostName();
  const contents: Record<string, string> = {
    '/etc/resolv.conf': (config.dnsConfig && resolvConf(config.dnsConfig)) || (await ofHost('/etc/resolv.conf')),
    '/etc/hosts': usesHostNetwork(config) ? await ofHost('/etc/hosts') : hosts(hostname, ips),
    '/etc/hostname': `${hostname}\n`,
  };
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const files = Object.entries(contents).map(async ([path, content]): Promise<[string, string]> => {
    const file = join(directory, path.slice('/etc/'.length));
    await writeFile(file, content, { mode: 0o644 });
    return [path, file];
  });
  return Object.fromEntries(await Promise.all(files));
}

/** Empty where the host has no such file. */
function ofHost(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** resolv.conf(5). */
export function resolvConf({ servers, searches, options }: DNSConfig): string {
  const lines = [...servers.map((server) => `nameserver ${server}`)];
  if (searches.length > 0) lines.push(`search ${searches.join(' ')}`);
  if (options.length > 0) lines.push(`options ${options.join(' ')}`);
  return lines.map((line) => `${line}\n`).join('');
}

function hosts(hostname: string, ips: string[]): string {
  const own = ips.map((ip) => `${ip}\t${hostname}\n`).join('');
  return `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${own}`;
}
