import type { Prefix } from '@berth/sdk/cni/address';
import { formatAddress, formatPrefix, networkOf } from '@berth/sdk/cni/address';
import type { IpFamily } from '@berth/sdk/cni/iptables';
import { chainRemoval, containerChain, editIptables, listIptables } from '@berth/sdk/cni/iptables';
import { errorCodes } from '@berth/sdk/cni/types';
import { settleAll } from '@berth/sdk/settle-all';
import type { NetworkAttachment } from '../attachment.ts';
import type { MasqueradeBackend } from './backend.ts';
import { BackendUnavailable } from './backend.ts';

/** Whose a chain is. */
type Owner = Pick<NetworkAttachment, 'network' | 'containerId'>;

const families: IpFamily[] = [4, 6];
const table = 'nat';
const multicast = { 4: '224.0.0.0/4', 6: 'ff00::/8' } as const;

/** Names the work in messages. */
const object = 'iptables (ipMasq)';

/**
 * Masquerades by a chain for each container in the table `nat`, and a jump to it for each address. Chains, rules and comments are those of the
 * reference plugin, whose chain knows the network and the container but no interface. Rules are compared as `iptables -S` writes them.
 */
export const iptablesMasquerade: MasqueradeBackend = {
  async add(attachment, prefixes) {
    const chain = chainOf(attachment);
    for (const [family, ofFamily] of byFamily(prefixes)) {
      const plan = (rules: string[]) => additions(rules, chain, attachment, ofFamily);
      await editIptables(family, table, plan, object, await listUsable(family));
    }
  },

  async remove(attachment) {
    const chain = chainOf(attachment);
    return removeChains(() => [chain]);
  },

  async collect(network, valid) {
    const inUse = valid.map(({ containerId }) => chainOf({ network, containerId }));
    await removeChains((rules) => chainsOf(rules, network).filter((chain) => !inUse.includes(chain)));
  },

  async unmasqueraded(attachment, prefixes) {
    const chain = chainOf(attachment);
    const missing = byFamily(prefixes).map(async ([family, ofFamily]) => {
      const rules = await listUsable(family);
      return ofFamily.filter((prefix) => additions(rules, chain, attachment, [prefix]).length > 0);
    });
    return (await settleAll(missing)).flat();
  },
};

/** Of those families only that have any: a host without IPv6 may have no ip6tables that works. */
function byFamily(prefixes: Prefix[]): [IpFamily, Prefix[]][] {
  const split = families.map((family): [IpFamily, Prefix[]] => [family, prefixes.filter(({ address }) => address.family === family)]);
  return split.filter(([, ofFamily]) => ofFamily.length > 0);
}

async function listUsable(family: IpFamily): Promise<string[]> {
  const program = family === 4 ? 'iptables' : 'ip6tables';
  const hint = 'install iptables, set ipMasqBackend to "nftables", or set ipMasq to false';
  const unavailable = (what: string, cause?: unknown) =>
    new BackendUnavailable(errorCodes.ioFailure, what, { object: program, hint, cause });
  try {
    const listing = await listIptables(family, table);
    if (listing) return listing;
  } catch (thrown) {
    throw unavailable((thrown as Error).message, thrown);
  }
  throw unavailable('is not on PATH');
}

/** Whether iptables is on PATH and can use the kernel's packet filter. */
export async function hasIptables(): Promise<boolean> {
  try {
    return (await listIptables(4, table)) !== undefined;
  } catch {
    return false;
  }
}

function chainOf({ network, containerId }: Owner): string {
  return containerChain('', network, containerId);
}

/** The commands that add what is missing in a listing. */
export function additions(listing: string[], chain: string, owner: Owner, prefixes: Prefix[]): string[] {
  const comment = `-m comment --comment "${commentText(owner)}"`;
  const rules = prefixes.flatMap((prefix) => {
    const { address } = prefix;
    const own = `${formatAddress(address)}/${address.family === 4 ? 32 : 128}`;
    return [
      `-A ${chain} -d ${formatPrefix(networkOf(prefix))} ${comment} -j ACCEPT`,
      `-A ${chain} ! -d ${multicast[address.family]} ${comment} -j MASQUERADE`,
      `-A POSTROUTING -s ${own} ${comment} -j ${chain}`,
    ];
  });
  const missing = [...new Set(rules)].filter((rule) => !listing.includes(rule));
  return [...(listing.includes(`-N ${chain}`) || missing.length === 0 ? [] : [`-N ${chain}`]), ...missing];
}

/** A rule's comment, as iptables quotes it within quotes. */
function commentText({ network, containerId }: Owner): string {
  return `name: \\"${network}\\" id: \\"${containerId}\\"`;
}

/** The chains that the network's jumps lead to. */
export function chainsOf(listing: string[], network: string): string[] {
  const jumps = listing.filter((line) => line.startsWith('-A POSTROUTING ') && line.includes(`--comment "name: \\"${network}\\" id: `));
  return [...new Set(jumps.flatMap((line) => /-j (CNI-[0-9a-f]{24})$/.exec(line)?.[1] ?? []))];
}

/** Removes the chains that `choose` finds in a listing, with the jumps to them, and says whether there were any. */
async function removeChains(choose: (rules: string[]) => string[]): Promise<boolean> {
  let found = false;
  const plan = (rules: string[]) => {
    const commands = choose(rules).flatMap((chain) => chainRemoval(rules, chain));
    found ||= commands.length > 0;
    return commands;
  };
  await settleAll(families.map((family) => editIptables(family, table, plan, object)));
  return found;
}
