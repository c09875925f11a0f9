import { familyKeyword, runNftBeside, tryNftBeside } from '@berth/sdk/cni/nft';
import { PluginError } from '@berth/sdk/errors';
import { settleAll } from '@berth/sdk/settle-all';
import { entriesOf, type Family, type PerFamily } from '../per-family.ts';
import type { Firewall } from './firewall.ts';
import { type FirewallSpec, forwardRules, masqueradeRules, type Rule } from './rules.ts';

/** The rules by nftables, in tables of flannel's names. They go when the daemon ends, as flannel's do. */
export class NftFirewall implements Firewall {
  readonly #specs: [Family, FirewallSpec][];
  /** The tables as they were listed after they were written: whoever changes them makes that another text. */
  readonly #written = new Map<Family, string>();

  constructor(specs: PerFamily<FirewallSpec>) {
    this.#specs = entriesOf(specs);
  }

  async ensure(): Promise<void> {
    for (const [family, spec] of this.#specs) {
      const written = this.#written.get(family);
      if (written !== undefined && (await list(family)) === written) continue;
      await runNftBeside(tableScript(family, spec), {
        object: `nftables table ${tableName(family)}`,
        withoutNft: 'install nftables, or leave EnableNFTables out of the network configuration',
      });
      this.#written.set(family, (await list(family)) ?? '');
    }
  }

  async close(): Promise<void> {
    await settleAll(this.#specs.map(([family]) => deleteTable(family)));
  }
}

/** Makes the table anew as a whole. */
export function tableScript(family: Family, spec: FirewallSpec): string {
  const table = `${familyKeyword[family]} ${tableName(family)}`;
  const chain = (name: string, hook: string, rules: Rule[]) => [
    `add chain ${table} ${name} { type ${hook}; }`,
    ...rules.map((rule) => `add rule ${table} ${name} ${ruleText(familyKeyword[family], rule)}`),
  ];
  return [
    ...withoutTable(table),
    `add table ${table}`,
    ...(spec.forward ? chain('forward', 'filter hook forward priority 0', forwardRules(spec)) : []),
    ...(spec.masquerade ? chain('postrtg', 'nat hook postrouting priority 100', masqueradeRules(family, spec)) : []),
    '',
  ].join('\n');
}

/** None is no failure, nor is a host without nft. */
async function deleteTable(family: Family): Promise<void> {
  const table = `${familyKeyword[family]} ${tableName(family)}`;
  const outcome = await tryNftBeside(['-f', '-'], [...withoutTable(table), ''].join('\n'));
  if (typeof outcome === 'string' || outcome.notInstalled) return;
  throw new PluginError('INTERNAL', `can't be deleted: ${outcome.reason}`, { object: `nftables table ${tableName(family)}` });
}

/** There must be one to delete. */
function withoutTable(table: string): string[] {
  return [`add table ${table}`, `delete table ${table}`];
}

function tableName(family: Family): string {
  return `flannel-ipv${family}`;
}

function ruleText(family: 'ip' | 'ip6', { mark, from, to, verdict }: Rule): string {
  const address = (field: string, match: Rule['from']) => (match ? [`${family} ${field} ${match.not ? '!= ' : ''}${match.prefix}`] : []);
  return [
    ...(mark ? [`meta mark and ${mark.mask} == ${mark.value}`] : []),
    ...address('saddr', from),
    ...address('daddr', to),
    verdict === 'masquerade' ? 'masquerade fully-random' : verdict,
  ].join(' ');
}

/** Undefined where it can't be listed: it is gone. */
async function list(family: Family): Promise<string | undefined> {
  const outcome = await tryNftBeside(['--stateless', 'list', 'table', familyKeyword[family], tableName(family)]);
  return typeof outcome === 'string' ? outcome : undefined;
}
