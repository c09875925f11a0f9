import type { Address } from '@berth/sdk/cni/address';
import { parseAddress, sameAddress } from '@berth/sdk/cni/address';
import type { NftRule } from '@berth/sdk/cni/nft';
import { familyKeyword } from '@berth/sdk/cni/nft';
import { isObject } from '@berth/sdk/cni/types';
import type { PortMapping } from '../configuration.ts';
import type { Forwarding, Owner, Target } from '../forwarding.ts';
import { addressOf } from '../forwarding.ts';
import type { Preparation } from './script.ts';
import { chains, chainsOfContainers, counterOf, entries, markOf, masquerades, table } from './script.ts';

/** The rules of one container on one network. Those that the reference plugin made name no network, and count as its own. */
export function rulesOf(rules: NftRule[], { network, containerId }: Owner): NftRule[] {
  const own = [undefined, counterOf(network)];
  return rules.filter((rule) => isOfContainer(rule) && rule.comment === markOf(containerId) && own.includes(counterIn(rule)));
}

/** The rules of a network's containers but for `valid`. Those that the reference plugin made name no network: they aren't among them. */
export function staleRules(rules: NftRule[], network: string, valid: string[]): NftRule[] {
  const marks = new Set(valid.map(markOf));
  return rules.filter((rule) => isOfContainer(rule) && counterIn(rule) === counterOf(network) && !marks.has(rule.comment ?? ''));
}

/** What of a forwarding isn't there, in words. */
export function missingOf(forwarding: Forwarding, rules: NftRule[]): string[] {
  const own = rulesOf(rules, forwarding);
  return forwarding.targets.flatMap((target) => {
    const family = familyKeyword[target.prefix.address.family];
    const ofFamily = (rule: NftRule) => rule.family === family;
    const missing = [
      ...missingEntries(rules.filter(ofFamily)),
      ...missingRules(own.filter(ofFamily), target, forwarding),
      ...(family === 'ip' && forwarding.localnetDevice !== undefined && !rules.some(dropsLocalnet)
        ? ["the rule that keeps others from the host's loopback addresses"]
        : []),
    ];
    return missing.map((what) => `${what} in table ${family} ${table}`);
  });
}

/** All that a forwarding needs besides its own rules. */
export function wholePreparation({ targets, localnetDevice }: Forwarding): Preparation {
  return { tables: targets.map(({ prefix }) => prefix.address.family), localnet: localnetDevice !== undefined };
}

/** What of it the tables with these rules don't do yet. */
export function preparationFor(forwarding: Forwarding, rules: NftRule[]): Preparation {
  const { tables, localnet } = wholePreparation(forwarding);
  return {
    tables: tables.filter((family) => !leadsToContainers(rules.filter((rule) => rule.family === familyKeyword[family]))),
    localnet: localnet && !rules.some(dropsLocalnet),
  };
}

/** Is the table laid out as this plugin does it, so that its hooks lead to the rules of containers? The reference plugin does it otherwise. */
function leadsToContainers(rules: NftRule[]): boolean {
  const jumps = (chain: string) => rules.filter((rule) => rule.chain === chain).map(jumpOf);
  const ofAllPorts = jumps(chains.allPorts);
  return (
    entries.map(jumps).every((ofHook) => ofHook.length === 1 && ofHook[0] === chains.allPorts) &&
    [chains.ports, chains.portsOfAddresses].every((chain) => ofAllPorts.includes(chain))
  );
}

/** The hooks from which no jumps lead to the rules of containers, straight or by way of other chains. */
function missingEntries(rules: NftRule[]): string[] {
  const reaches = (from: string, seen: string[] = []): boolean =>
    from === chains.ports ||
    rules.some((rule) => {
      const next = rule.chain === from ? jumpOf(rule) : undefined;
      return next !== undefined && !seen.includes(next) && reaches(next, [...seen, next]);
    });
  return entries.filter((hook) => !reaches(hook)).map((hook) => `the jump of chain ${hook}`);
}

function jumpOf(rule: NftRule): string | undefined {
  const target = statementOf(rule, 'jump')?.target;
  return typeof target === 'string' ? target : undefined;
}

function dropsLocalnet({ chain, expr }: NftRule): boolean {
  return chain === chains.localnet && expr.some((statement) => 'drop' in statement);
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
    (!hostAddress || matches(rule, familyKeyword[hostAddress.family], 'daddr', (right) => isAddress(right, hostAddress))) &&
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
export function counterIn({ expr }: NftRule): string | undefined {
  return expr.map(({ counter }) => counter).find((counter) => typeof counter === 'string');
}

function statementOf({ expr }: NftRule, name: string): Record<string, unknown> | undefined {
  return expr.map((statement) => statement[name]).find(isObject);
}
