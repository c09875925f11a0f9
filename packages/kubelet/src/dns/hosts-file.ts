import type { HostAlias } from '@berth/api/objects';
import type { PodHostname } from './pod-hostname.ts';

/** What every pod's hosts file begins with; the words are kubelet's, which tools look for (kubelet_pods.go, managedHostsFileContent). */
const managed = [
  '# Kubernetes-managed hosts file.',
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

/** The hosts file of a pod with a network of its own: its name at each of its addresses, then its aliases. */
export function podHostsFile(ips: string[], { hostname, domain }: PodHostname, aliases: HostAlias[] = []): string {
  const names = domain ? `${hostname}.${domain}\t${hostname}` : hostname;
  return `${lines([...managed, ...ips.map((ip) => `${ip}\t${names}`)])}${aliasLines(aliases)}`;
}

/** The hosts file of a pod in the host's network: the host's own, then its aliases. */
export function hostNetworkHostsFile(hostFile: string, aliases: HostAlias[] = []): string {
  return `# Kubernetes-managed hosts file (host network).\n${hostFile}${aliasLines(aliases)}`;
}

function aliasLines(aliases: HostAlias[]): string {
  if (aliases.length === 0) return '';
  return lines(['', '# Entries added by HostAliases.', ...aliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join('\t'))]);
}

function lines(text: string[]): string {
  return text.map((line) => `${line}\n`).join('');
}
