import type { NftRule, NftTable } from '@berth/sdk/cni/nft';
import { editNftTable, listNftRules, nftRuleDeletion, tryNftCommands } from '@berth/sdk/cni/nft';
import type { AttachmentName } from '@berth/sdk/cni/plugin';
import { CniError, errorCodes } from '@berth/sdk/cni/types';

// The table, the chains, the rules and the comments are those of the reference plugin: each finds the other's.
const table = { family: 'bridge', name: 'nat' } as const;
const baseChain = 'PREROUTING';
const chainPrefix = 'cni-br-iface-';
const commentPrefix = 'macspoofchk-';

/** Names the work in messages. */
const object = 'nft (macspoofchk)';

/** Lets nothing pass from a port but what carries the hardware address of its container's interface. */
export async function addMacSpoofCheck(checked: AttachmentName, port: string, mac: string): Promise<void> {
  await removeMacSpoofCheck(checked);
  const outcome = await tryNftCommands(spoofCheckCommands(checked, port, mac));
  if (typeof outcome === 'string') return;
  const hint = outcome.notInstalled ? 'install nftables, or set macspoofchk to false' : undefined;
  throw new CniError(errorCodes.ioFailure, outcome.reason, { object, ...(hint ? { hint } : {}) });
}

/** Removes the chains and rules of one interface, whichever plugin made them. */
export async function removeMacSpoofCheck(checked: AttachmentName): Promise<void> {
  await removeAll([identity(checked)]);
}

/**
 * Removes the chains and rules of interfaces that are in no use: those whose port is gone. They name no network, so that a port that is there
 * may be that of another network's container.
 */
export async function collectMacSpoofChecks(isPort: (name: string) => Promise<boolean>): Promise<void> {
  const stale = new Set<string>();
  for (const rule of await listNftRules(table.family, table.name)) {
    const port = portOf(rule);
    if (port !== undefined && rule.comment?.startsWith(commentPrefix) && !(await isPort(port))) {
      stale.add(rule.comment.slice(commentPrefix.length));
    }
  }
  if (stale.size > 0) await removeAll([...stale]);
}

/** Whether the rules of an interface are there. */
export async function isMacSpoofChecked(checked: AttachmentName, port: string): Promise<boolean> {
  const comment = `${commentPrefix}${identity(checked)}`;
  const rules = (await listNftRules(table.family, table.name)).filter((rule) => rule.comment === comment);
  const [ofPort, ofAddress] = chainsOf(identity(checked));
  return (
    rules.some((rule) => portOf(rule) === port) &&
    rules.some(({ chain }) => chain === ofPort) &&
    rules.filter(({ chain }) => chain === ofAddress).length === 2
  );
}

/** The port whose frames a rule of the base chain leads to its checks. */
function portOf({ chain, expr }: NftRule): string | undefined {
  const port = chain === baseChain ? (expr.find(({ match }) => match)?.match as { right?: unknown } | undefined)?.right : undefined;
  return typeof port === 'string' ? port : undefined;
}

/** The nft commands, as JSON (libnftables-json(5)), that add the chains and rules of an interface. */
function spoofCheckCommands(checked: AttachmentName, port: string, mac: string): object[] {
  const [ofPort = '', ofAddress = ''] = chainsOf(identity(checked));
  const rule = (chain: string, ...expr: object[]) => ({
    add: { rule: { family: table.family, table: table.name, chain, expr, comment: `${commentPrefix}${identity(checked)}` } },
  });
  const chain = (name: string, hook: object = {}) => ({ add: { chain: { family: table.family, table: table.name, name, ...hook } } });
  return [
    { add: { table } },
    chain(baseChain, { type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' }),
    chain(ofPort),
    chain(ofAddress),
    rule(baseChain, { match: { op: '==', left: { meta: { key: 'iifname' } }, right: port } }, { jump: { target: ofPort } }),
    rule(ofPort, { jump: { target: ofAddress } }),
    rule(ofAddress, { match: { op: '==', left: { payload: { protocol: 'ether', field: 'saddr' } }, right: mac } }, { return: null }),
    rule(ofAddress, { drop: null }),
  ];
}

/** Removes the chains and rules of interfaces, by container and name. */
async function removeAll(ids: string[]): Promise<void> {
  const comments = new Set(ids.map((id) => `${commentPrefix}${id}`));
  const own = new Set(ids.flatMap(chainsOf));
  const plan = ({ chains, rules }: NftTable) => [
    ...rules.filter(({ comment }) => comments.has(comment ?? '')).map(nftRuleDeletion),
    // A chain goes only when no rule leads to it: the one of the port before that of the address.
    ...chains
      .filter((name) => own.has(name))
      .sort((a, b) => a.length - b.length)
      .map((name) => ({ delete: { chain: { family: table.family, table: table.name, name } } })),
  ];
  await editNftTable(table.family, table.name, plan, object);
}

function identity({ containerId, ifName }: AttachmentName): string {
  return `${containerId}-${ifName}`;
}

function chainsOf(id: string): string[] {
  return [`${chainPrefix}${id}`, `${chainPrefix}${id}-mac`];
}
