import type { Address } from '@berth/sdk/cni/address';
import { parseAddress, sameAddress } from '@berth/sdk/cni/address';
import type { NftRule } from '@berth/sdk/cni/nft';
import { isObject } from '@berth/sdk/cni/types';
import type { PortMapping } from './configuration.ts';
import type { Forwarding, Target } from './forwarding.ts';
import { addressOf, chains, chainsOfContainers, counterOf, entries, markOf, masquerades, table } from './script.ts';

/** The rules of one container on one network. Those that the reference plugin made name no network, and count as its own. */
export function rulesOf(rules: NftRule[], { network, containerId }: Pick<Forwarding, 'network' | 'containerId'>): NftRule[] {
  const own = [undefined, counterOf(network)];
  return rules.filter((rule) => isOfContainer(rule) && rule.comment === markOf(containerId) && own.includes(counterIn(rule)));
}

/** The rules of a network's containers but for `valid`. Those that the reference plugin made name no network: they aren't among them. */
export function staleRules(rules: NftRule[], network: string, valid: string[]): NftRule[] {
  const marks = new Set(valid.map(markOf));
  return rules.filter((rule) => isOfContainer(rule) && counterIn(rule) === counterOf(network) && !marks.has(rule.comment ?? ''));
}

/** The nft script that deletes `rules`, and the counters that no other of `all` rules refers to. */
export function deletionScript(rules: NftRule[], all: NftRule[]): string {
  const kept = new Set(all.filter((rule) => !rules.includes(rule)).map(qualifiedCounter));
  const counters = new Set(rules.map(qualifiedCounter).filter((counter) => counter !== undefined && !kept.has(counter)));
  return [
    ...rules.map(({ family, chain, handle }) => `delete rule ${family} ${table} ${chain} handle ${handle}`),
    ...[...counters].map((counter) => `delete counter ${counter}`),
  ].join('\n');
}

function qualifiedCounter(rule: NftRule): string | undefined {
  const counter = counterIn(rule);
  return counter === undefined ? undefined : `${rule.family} ${table} ${counter}`;
}

/** What of a forwarding isn't there, in words. */
export function missingOf(forwarding: Forwarding, rules: NftRule[]): string[] {
  const own = rulesOf(rules, forwarding);
  return forwarding.targets.flatMap((target) => {
    const family = target.prefix.address.family === 4 ? 'ip' : 'ip6';
    const ofFamily = (rule: NftRule) => rule.family === family;
    const missing = [...missingEntries(rules.filter(ofFamily)), ...missingRules(own.filter(ofFamily), target, forwarding)];
    return missing.map((what) => `${what} in table ${family} ${table}`);
  });
}

function missingEntries(rules: NftRule[]): string[] {
  const missing = entries.filter((hook) => !rules.some((rule) => rule.chain === hook && statementOf(rule, 'jump')));
  return missing.map((hook) => `the jump of chain ${hook}`);
}

function missingRules(own: NftRule[], { prefix, mappings }: Target, { options }: Forwarding): string[] {
  const unmapped = mappings.filter((mapping) => !own.some((rule) => leads(rule, mapping, prefix.address)));
  const masquerading = own.filter(({ chain }) => chain === chains.masquerade).length;
  return [
    ...unmapped.map(({ protocol, hostPort }) => `the rule of ${protocol} port ${hostPort}`),
    ...(masquerading < masquerades(prefix, options).length ? ['a rule for masquerading'] : []),
  ];
}

/** Does the rule lead the mapping's port to the container's address? */
function leads(rule: NftRule, mapping: PortMapping, target: Address): boolean {
  const hostAddress = addressOf(mapping);
  const dnat = statementOf(rule, 'dnat');
  return (
    matches(rule, mapping.protocol, 'dport', (right) => right === mapping.hostPort) &&
    (!hostAddress || matches(rule, hostAddress.family === 4 ? 'ip' : 'ip6', 'daddr', (right) => isAddress(right, hostAddress))) &&
    dnat?.port === mapping.containerPort &&
    isAddress(dnat.addr, target)
  );
}

function matches(rule: NftRule, protocol: string, field: string, isWanted: (right: unknown) => boolean): boolean {
  return rule.expr.some(({ match }) => {
    if (!isObject(match) || !isObject(match.left) || !isObject(match.left.payload)) return false;
    const { payload } = match.left;
    return payload.protocol === protocol && payload.field === field && match.op === '==' && isWanted(match.right);
  });
}

function isAddress(value: unknown, address: Address): boolean {
  const parsed = parseAddress(value);
  return parsed !== undefined && sameAddress(parsed, address);
}

function isOfContainer({ chain, comment }: NftRule): boolean {
  return comment !== undefined && chainsOfContainers.includes(chain);
}

/** The named counter that a rule refers to; the reference plugin's rules have none. */
function counterIn({ expr }: NftRule): string | undefined {
  return expr.map(({ counter }) => counter).find((counter) => typeof counter === 'string');
}

function statementOf({ expr }: NftRule, name: string): Record<string, unknown> | undefined {
  return expr.map((statement) => statement[name]).find(isObject);
}
