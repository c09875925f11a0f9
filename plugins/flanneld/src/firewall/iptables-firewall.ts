import { changeIptables, listIptables, whyUnusable } from '@berth/sdk/cni/iptables';
import { PluginError } from '@berth/sdk/errors';
import { entriesOf, type Family, type PerFamily } from '../per-family.ts';
import type { Firewall } from './firewall.ts';
import { type FirewallSpec, forwardRules, masqueradeRules, type Rule } from './rules.ts';

/** A chain of ours, and the rule of a built-in chain that leads to it; as `iptables -S` writes them. */
interface ChainSpec {
  table: string;
  chain: string;
  jump: string;
  rules: string[];
}

/** The rules by iptables, in flannel's chains. They stay when the daemon ends: pods go on. */
export class IptablesFirewall implements Firewall {
  readonly #chains: [Family, ChainSpec][];

  constructor(specs: PerFamily<FirewallSpec>) {
    this.#chains = entriesOf(specs).flatMap(([family, spec]) =>
      chainsFor(family, spec).map((chain) => [family, chain] satisfies [Family, ChainSpec]),
    );
  }

  async ensure(): Promise<void> {
    for (const [family, spec] of this.#chains) {
      const lines = await listIptables(family, spec.table);
      if (!lines) throw unusable(family, spec.table);
      const commands = changesFor(spec, lines);
      if (commands.length > 0) await changeIptables(family, spec.table, commands, `chain ${spec.chain} of table ${spec.table}`);
    }
  }

  async close(): Promise<void> {}
}

/** flannel's chains for what is asked. */
export function chainsFor(family: Family, spec: FirewallSpec): ChainSpec[] {
  const masquerade = () => chainOf('nat', 'POSTROUTING', 'FLANNEL-POSTRTG', 'flanneld masq', masqueradeRules(family, spec));
  const forward = () => chainOf('filter', 'FORWARD', 'FLANNEL-FWD', 'flanneld forward', forwardRules(spec));
  return [...(spec.masquerade ? [masquerade()] : []), ...(spec.forward ? [forward()] : [])];
}

/** The commands that make a table, of which `lines` are the rules, hold the chain as it has to be; none where it does. */
export function changesFor({ chain, jump, rules }: ChainSpec, lines: readonly string[]): string[] {
  const own = lines.filter((line) => line.startsWith(`-A ${chain} `));
  const complete = own.length === rules.length && own.every((line, index) => line === rules[index]);
  return [...(complete ? [] : [`:${chain} - [0:0]`, ...rules]), ...(lines.includes(jump) ? [] : [jump])];
}

function chainOf(table: string, hook: string, chain: string, comment: string, rules: Rule[]): ChainSpec {
  const commented = `-m comment --comment "${comment}"`;
  return {
    table,
    chain,
    jump: `-A ${hook} ${commented} -j ${chain}`,
    rules: rules.map((rule) => `-A ${chain} ${matchesOf(rule)}${commented} -j ${targetOf(rule)}`),
  };
}

function matchesOf({ mark, from, to }: Rule): string {
  const address = (option: string, match: Rule['from']) => (match ? `${match.not ? '! ' : ''}${option} ${match.prefix} ` : '');
  return `${address('-s', from)}${address('-d', to)}${mark ? `-m mark --mark ${mark.value}/${mark.mask} ` : ''}`;
}

function targetOf({ verdict }: Rule): string {
  return verdict === 'masquerade' ? 'MASQUERADE --random-fully' : verdict.toUpperCase();
}

function unusable(family: Family, table: string): PluginError {
  return new PluginError('NOT_FOUND', whyUnusable(table), {
    object: family === 4 ? 'iptables' : 'ip6tables',
    hint: 'install iptables, or set EnableNFTables in the network configuration, or start flanneld with -ip-masq=false -iptables-forward-rules=false',
  });
}
