import type { NftRule } from '@berth/sdk/cni/nft';
import { counterIn } from './rules.ts';
import { table } from './script.ts';

/** The nft script that deletes `rules`, and the counters that no other of `all` rules refers to. */
export function deletionScript(rules: NftRule[], all: NftRule[]): string {
  const kept = new Set(all.filter((rule) => !rules.includes(rule)).map(qualifiedCounter));
  const counters = new Set(rules.map(qualifiedCounter).filter((counter) => counter !== undefined && !kept.has(counter)));
  return [...ruleDeletions(rules), ...[...counters].map((counter) => `delete counter ${counter}`)].join('\n');
}

/** The commands of nft that delete `rules` alone. */
export function ruleDeletions(rules: NftRule[]): string[] {
  return rules.map(({ family, chain, handle }) => `delete rule ${family} ${table} ${chain} handle ${handle}`);
}

function qualifiedCounter(rule: NftRule): string | undefined {
  const counter = counterIn(rule);
  return counter === undefined ? undefined : `${rule.family} ${table} ${counter}`;
}
