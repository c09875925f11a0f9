import { readFile } from 'node:fs/promises';
import { formatPrefix, networkOf, type Prefix, parsePrefix, plus } from '@berth/sdk/cni/address';
import { PluginError } from '@berth/sdk/errors';
import { replaceFile } from '@berth/sdk/replace-file';
import { type Family, families, type PerFamily, perFamily } from '../per-family.ts';

/** What a CNI plugin on this host needs to know of its network. */
export interface HostSubnet {
  networks: PerFamily<Prefix>;
  subnets: PerFamily<Prefix>;
  mtu: number;
  ipMasq: boolean;
}

/** subnet.env, and what it has to say. */
export interface SubnetFile {
  path: string;
  contents: HostSubnet;
}

const names: Record<Family, { network: string; subnet: string }> = {
  4: { network: 'FLANNEL_NETWORK', subnet: 'FLANNEL_SUBNET' },
  6: { network: 'FLANNEL_IPV6_NETWORK', subnet: 'FLANNEL_IPV6_SUBNET' },
};

/** The lines of subnet.env as flannel writes them: a subnet is its first usable address, with the length of its prefix. */
export function formatSubnetFile({ networks, subnets, mtu, ipMasq }: HostSubnet): string {
  const lines = families.flatMap((family) => {
    const [network, subnet] = [networks[family], subnets[family]];
    if (!network || !subnet) return [];
    const first = { address: plus(subnet.address, 1n), length: subnet.length };
    return [`${names[family].network}=${formatPrefix(network)}`, `${names[family].subnet}=${formatPrefix(first)}`];
  });
  return [...lines, `FLANNEL_MTU=${mtu}`, `FLANNEL_IPMASQ=${ipMasq}`, ''].join('\n');
}

/** The subnets that a subnet.env names; none where it names none that can be read. */
export function parseSubnets(text: string): PerFamily<Prefix> {
  const values = new Map(text.split('\n').map((line) => splitOnce(line.trim())));
  return perFamily((family) => {
    const prefix = parsePrefix(values.get(names[family].subnet));
    return prefix?.address.family === family ? networkOf(prefix) : undefined;
  });
}

/** The subnets that this host had last: a restarted daemon takes them over. None where there is no such file. */
export async function readSubnets(path: string): Promise<PerFamily<Prefix>> {
  try {
    return parseSubnets(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw PluginError.from(error, 'INTERNAL', { object: path, hint: 'make it a file that can be read, or name another by -subnet-file' });
  }
}

/** Puts the file in place as a whole: who reads it sees the old one or the new one. */
export async function writeSubnetFile({ path, contents }: SubnetFile): Promise<void> {
  try {
    await replaceFile(path, formatSubnetFile(contents), { mode: 0o644, directoryMode: 0o755 });
  } catch (error) {
    throw PluginError.from(error, 'INTERNAL', { object: path, hint: 'name a place that can be written by -subnet-file' });
  }
}

/** Writes the file where it isn't there, or says something else; whether it had to. */
export async function ensureSubnetFile(file: SubnetFile): Promise<boolean> {
  const text = await readFile(file.path, 'utf8').catch(() => undefined);
  if (text === formatSubnetFile(file.contents)) return false;
  await writeSubnetFile(file);
  return true;
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf('=');
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
