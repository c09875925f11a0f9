import type { Prefix } from '@berth/sdk/cni/address';
import { bits, formatAddress, formatPrefix, networkOf } from '@berth/sdk/cni/address';
import type { NftRule } from '@berth/sdk/cni/nft';
import { editNftTable, familyKeyword, listNftRules, nftRuleDeletion, runNftBeside, tryNftBeside } from '@berth/sdk/cni/nft';
import type { NetworkAttachment } from '../attachment.ts';
import type { MasqueradeBackend } from './backend.ts';

// The names, the rules and the comments are those of the reference plugin's nftables backend: each finds the other's.
const family = 'inet';
const tableName = 'cni_plugins_masquerade';
const table = `${family} ${tableName}`;
const chain = 'masq_checks';
const baseChain = 'postrouting';
const longestComment = 128;
/** What leads packets to the rules, as nft lists it. */
const wayToRules = ['ip daddr 224.0.0.0/4 return', 'ip6 daddr ff00::/8 return', `goto ${chain}`];

/** Names the work in messages. */
const object = 'nft (ipMasq)';

/** Masquerades by a rule for each address in a table of its own. */
export const nftablesMasquerade: MasqueradeBackend = {
  /**
   * Rules alone are in effect after 4 ms; what is flushed with them, up to 50 ms later: so the table is made only where a look at it, in the same
   * call, says that it isn't as it should be.
   */
  async add(attachment, prefixes) {
    const rules = masqueradeRules(attachment, prefixes);
    const listing = await tryNftBeside([`${rules}\nlist chain ${table} ${baseChain}`]);
    const added = typeof listing === 'string';
    if (added && wayToRules.every((rule) => listing.includes(rule))) return;
    const script = added ? tableScript : `${tableScript}\n${rules}`;
    await runNftBeside(script, { object, withoutNft: 'install nftables, set ipMasqBackend to "iptables", or set ipMasq to false' });
  },

  async remove(attachment) {
    const mark = ruleMark(attachment);
    return deleteRules((comment) => comment.startsWith(mark));
  },

  async collect(network, valid) {
    const ofNetwork = `${digest(network)}-`;
    const inUse = valid.map((attachment) => ruleMark({ network, ...attachment }));
    await deleteRules((comment) => comment.startsWith(ofNetwork) && !inUse.some((mark) => comment.startsWith(mark)));
  },

  async unmasqueraded(attachment, prefixes) {
    const mark = ruleMark(attachment);
    const listed = await listNftRules(family, tableName);
    if (!listed.some(isWayToRules)) return prefixes;
    const rules = listed.filter(({ comment }) => comment?.startsWith(mark));
    return prefixes.filter((prefix) => !rules.some((rule) => isRuleOf(rule, prefix)));
  },
};

/** Begins the comment of every rule of one attachment, by which DEL finds them. */
export function ruleMark({ network, containerId, ifName }: NetworkAttachment): string {
  return `${digest(network)}-${digest(`${ifName}:${containerId}`)}`;
}

function digest(text: string): string {
  // Loaded on need: it costs a Bun executable 2 ms.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return createHash('sha512').update(text).digest('hex').slice(0, 16);
}

/** The nft script that makes the table, and the way of packets to its rules anew. */
const tableScript = [
  `add table ${table} { comment "Masquerading for plugins from github.com/containernetworking/plugins" ; }`,
  `add chain ${table} ${chain} { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" ; }`,
  `add chain ${table} ${baseChain} { type nat hook postrouting priority 100 ; }`,
  `flush chain ${table} ${baseChain}`,
  ...wayToRules.map((rule) => `add rule ${table} ${baseChain} ${rule}`),
].join('\n');

/** The nft script that masquerades what `prefixes` send out of their own networks, in a table that is there. */
export function masqueradeRules(attachment: NetworkAttachment, prefixes: Prefix[]): string {
  const { network, ifName, containerId } = attachment;
  const comment = `${ruleMark(attachment)}, net: ${network}, if: ${ifName}, id: ${containerId}`
    .replaceAll('"', '')
    .slice(0, longestComment);
  return prefixes.map((prefix) => `add rule ${table} ${chain} ${matchOf(prefix)} masquerade comment "${comment}"`).join('\n');
}

/** As nft writes it. */
function matchOf(prefix: Prefix): string {
  const ip = familyKeyword[prefix.address.family];
  return `${ip} saddr ${formatAddress(prefix.address)} ${ip} daddr != ${formatPrefix(networkOf(prefix))}`;
}

/** A match of an address in a packet's header, as JSON (libnftables-json(5)): a network of one address is listed as that address. */
interface AddressMatch {
  op: string;
  left: { payload?: { protocol: string; field: string } };
  right: string | { prefix?: { addr: string; len: number } };
}

/** Whether a rule is the one that `masqueradeRules` writes for a prefix. */
export function isRuleOf({ chain: itsChain, expr }: Pick<NftRule, 'chain' | 'expr'>, prefix: Prefix): boolean {
  const matches = expr.flatMap(({ match }) => (match ? [match as AddressMatch] : []));
  const isMatched = (field: string, op: string, addr: string, length: number) =>
    matches.some(({ op: itsOp, left: { payload }, right }) => {
      if (itsOp !== op || payload?.protocol !== familyKeyword[prefix.address.family] || payload.field !== field) return false;
      if (typeof right === 'string') return right === addr && length === bits(prefix.address);
      return right.prefix?.addr === addr && right.prefix.len === length;
    });
  return (
    itsChain === chain &&
    isMatched('saddr', '==', formatAddress(prefix.address), bits(prefix.address)) &&
    isMatched('daddr', '!=', formatAddress(networkOf(prefix).address), prefix.length)
  );
}

/** Whether a rule is the one that leads all packets to the others. */
function isWayToRules({ chain: itsChain, expr }: Pick<NftRule, 'chain' | 'expr'>): boolean {
  const [statement, ...more] = expr;
  const target = (statement?.goto as { target?: string } | undefined)?.target;
  return itsChain === baseChain && target === chain && more.length === 0;
}

/** Deletes the rules whose comments it is told, and says whether there were any. */
async function deleteRules(isDeleted: (comment: string) => boolean): Promise<boolean> {
  const plan = ({ rules }: { rules: NftRule[] }) => deletions(rules, isDeleted);
  return editNftTable(family, tableName, plan, object);
}

/** The commands that delete those of the listed rules whose comments it is told. */
export function deletions(rules: NftRule[], isDeleted: (comment: string) => boolean): object[] {
  return rules.filter((rule) => rule.chain === chain && isDeleted(rule.comment ?? '')).map(nftRuleDeletion);
}
