import type { NftRule } from '@berth/sdk/cni/nft';
import { familyKeyword, listNftRules, runNftBeside, tryNftBeside } from '@berth/sdk/cni/nft';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import type { PortMapping } from '../configuration.ts';
import type { Forwarding, Owner } from '../forwarding.ts';
import { objectOf } from '../forwarding.ts';
import type { PortMapper } from '../port-mapper.ts';
import { deletionScript, ruleDeletions } from './deletion-script.ts';
import { missingOf, preparationFor, rulesOf, staleRules, wholePreparation } from './rules.ts';
import type { Preparation } from './script.ts';
import { chains, forwardingScript, table } from './script.ts';

/** How often rules are deleted anew where other calls were faster. */
const attempts = 5;

/** Maps ports in a table of nftables of its own. */
export class NftablesPortMapper implements PortMapper {
  async map(forwarding: Forwarding): Promise<void> {
    const rules = await listRules();
    const outcome = await tryNftBeside(['-f', '-'], mappingScript(forwarding, rules, preparationFor(forwarding, rules)));
    if (typeof outcome === 'string') return;
    // A chain may be missing that no rule shows, or another call has deleted some of the rules meanwhile.
    const script = mappingScript(forwarding, await listRules(), wholePreparation(forwarding));
    await runNftBeside(script, { object: objectOf(forwarding) });
  }

  async missing(forwarding: Forwarding): Promise<string[]> {
    return missingOf(forwarding, await listRules());
  }

  async remove(owner: Owner): Promise<void> {
    await deleteRules((rules) => rulesOf(rules, owner));
  }

  async removeStale(network: string, valid: string[]): Promise<void> {
    await deleteRules((rules) => staleRules(rules, network, valid));
  }

  async whyRefused(family: 4 | 6, protocol: PortMapping['protocol'], conditions: string[]): Promise<string | undefined> {
    const test = (match: string) => tryNftBeside(['--check', '-f', '-'], testScript(familyKeyword[family], match));
    const ports = `${protocol} dport 1`;
    const outcome = await test(`${conditions.join(' ')} ${ports}`);
    if (typeof outcome === 'string' || typeof (await test(ports)) !== 'string') return undefined;
    return /Error: (.*)/.exec(outcome.reason)?.[1] ?? outcome.reason;
  }

  async problem(): Promise<CniError | undefined> {
    const outcome = await tryNftBeside(['list', 'tables']);
    if (typeof outcome === 'string') return undefined;
    const hint = outcome.notInstalled ? 'install nftables' : 'run it as root, on a kernel with nf_tables';
    return new CniError(errorCodes.notAvailable, outcome.reason, { object: 'nft', hint });
  }
}

/** Puts the rules of a forwarding into the place of those that its container has. */
function mappingScript(forwarding: Forwarding, rules: NftRule[], preparation: Preparation): string {
  return [...ruleDeletions(rulesOf(rules, forwarding)), forwardingScript(forwarding, preparation)].join('\n');
}

/** Makes a rule, for nft to look at. */
function testScript(family: string, match: string): string {
  const chain = `${family} ${table} ${chains.ports}`;
  return [`add table ${family} ${table}`, `add chain ${chain}`, `add rule ${chain} ${match} accept`].join('\n');
}

async function listRules(): Promise<NftRule[]> {
  return (await Promise.all(Object.values(familyKeyword).map((family) => listNftRules(family, table)))).flat();
}

/**
 * Deletes the rules that `choose` takes, with the counter of a network that has none left. All go at once or none: where another
 * call was faster, what is left is tried again.
 */
async function deleteRules(choose: (rules: NftRule[]) => NftRule[]): Promise<void> {
  let reason = '';
  for (let attempt = 0; attempt < attempts; attempt++) {
    const all = await listRules();
    const rules = choose(all);
    if (rules.length === 0) return;
    const outcome = await tryNftBeside(['-f', '-'], deletionScript(rules, all));
    if (typeof outcome === 'string') return;
    reason = outcome.reason;
    if (!/No such file|resource busy/.test(reason)) break;
  }
  throw new CniError(errorCodes.ioFailure, reason, { object: `nft table ${table}` });
}
