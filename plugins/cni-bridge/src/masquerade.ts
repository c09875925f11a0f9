import type { Prefix } from '@berth/sdk/cni/address';
import { formatAddress, formatPrefix, networkOf } from '@berth/sdk/cni/address';
import { runNftBeside, tryNftBeside } from '@berth/sdk/cni/nft';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { removeIptablesMasquerade } from './iptables-masquerade.ts';

// The names, the rules and the comments are those of the reference plugin's nftables backend: each finds the other's.
const table = 'inet cni_plugins_masquerade';
const chain = 'masq_checks';
const longestComment = 128;
/** What leads packets to the rules, as nft lists it. */
const wayToRules = ['ip daddr 224.0.0.0/4 return', 'ip6 daddr ff00::/8 return', `goto ${chain}`];

/** Names the work in messages. */
const object = 'nft (ipMasq)';

/** Whose traffic is masqueraded. */
export interface Attached {
  network: string;
  containerId: string;
  ifName: string;
}

/** Begins the comment of every rule of one attachment, by which DEL finds them. */
export async function ruleMark({ network, containerId, ifName }: Attached): Promise<string> {
  return `${await sha512(network, 16)}-${await sha512(`${ifName}:${containerId}`, 16)}`;
}

/** The first `length` digits of a text's hash. The module is loaded on need: it costs a Bun executable 2 ms. */
export async function sha512(text: string, length: number): Promise<string> {
  const { createHash } = await import('node:crypto');
  return createHash('sha512').update(text).digest('hex').slice(0, length);
}

/** The nft script that makes the table, and the way of packets to its rules anew. */
const tableScript = [
  `add table ${table} { comment "Masquerading for plugins from github.com/containernetworking/plugins" ; }`,
  `add chain ${table} ${chain} { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" ; }`,
  `add chain ${table} postrouting { type nat hook postrouting priority 100 ; }`,
  `flush chain ${table} postrouting`,
  ...wayToRules.map((rule) => `add rule ${table} postrouting ${rule}`),
].join('\n');

/** The nft script that masquerades what `prefixes` send out of their own networks, in a table that is there. */
export async function masqueradeRules(attached: Attached, prefixes: Prefix[]): Promise<string> {
  const { network, ifName, containerId } = attached;
  const comment = `${await ruleMark(attached)}, net: ${network}, if: ${ifName}, id: ${containerId}`
    .replaceAll('"', '')
    .slice(0, longestComment);
  const rules = prefixes.map((prefix) => {
    const ip = prefix.address.family === 4 ? 'ip' : 'ip6';
    const match = `${ip} saddr ${formatAddress(prefix.address)} ${ip} daddr != ${formatPrefix(networkOf(prefix))}`;
    return `add rule ${table} ${chain} ${match} masquerade comment "${comment}"`;
  });
  return rules.join('\n');
}

/** The nft script that deletes the rules which begin with `mark` in a listing with handles; '' where there are none. */
export function removalScript(listing: string, mark: string): string {
  const lines = listing.split('\n').filter((line) => line.includes(`comment "${mark}`));
  const handles = lines.flatMap((line) => /# handle (\d+)\s*$/.exec(line)?.[1] ?? []);
  return handles.map((handle) => `delete rule ${table} ${chain} handle ${handle}`).join('\n');
}

/**
 * Runs the script of `masqueradeRules` beside what the caller does next. Rules alone are in effect after 4 ms; what is flushed with them, up to 50
 * ms later: so the table is made only where a look at it, in the same call, says that it isn't as it should be.
 */
export async function addMasquerade(rules: string): Promise<void> {
  const listing = await tryNftBeside([`${rules}\nlist chain ${table} postrouting`]);
  const added = typeof listing === 'string';
  if (added && wayToRules.every((rule) => listing.includes(rule))) return;
  const script = added ? tableScript : `${tableScript}\n${rules}`;
  await runNftBeside(script, { object, withoutNft: 'install nftables, or set ipMasq to false' });
}

/** Removes the rules of one attachment, whichever plugin made them. Where there are none, or no nft, there is nothing to do. */
export async function removeMasquerade(attached: Attached): Promise<void> {
  const listing = await tryNftBeside(['--handle', 'list', 'chain', ...table.split(' '), chain]);
  const script = typeof listing === 'string' ? removalScript(listing, await ruleMark(attached)) : '';
  if (script === '') {
    const { containerId, network } = attached;
    return removeIptablesMasquerade(`CNI-${await sha512(`${network}${containerId}`, 24)}`);
  }
  const removal = await tryNftBeside([script]);
  // Another DEL of the same attachment may have been faster.
  if (typeof removal === 'string' || removal.reason.includes('No such file')) return;
  throw new CniError(errorCodes.ioFailure, removal.reason, { object });
}
