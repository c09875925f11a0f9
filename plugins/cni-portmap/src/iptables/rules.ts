import { formatAddress, formatPrefix, networkOf } from '@berth/sdk/cni/address';
import type { IpFamily } from '@berth/sdk/cni/iptables';
import { iptablesWord } from '@berth/sdk/cni/iptables';
import type { PortMapping } from '../configuration.ts';
import type { Forwarding, Target } from '../forwarding.ts';
import { addressOf, endpoint } from '../forwarding.ts';

// The chains and rules are those of the reference plugin's iptables backend: each finds the other's.
const chains = { ports: 'CNI-HOSTPORT-DNAT', setMark: 'CNI-HOSTPORT-SETMARK', masquerade: 'CNI-HOSTPORT-MASQ' };

/** What a chain of one container is for, in its name. Only older reference plugins have made those with `SN-`. */
export const purposes = ['DN-', 'SN-'] as const;

/** One rule, in `chain`; it begins the chain where `first`, and ends it else. */
interface IptablesRule {
  chain: string;
  rule: string;
  first?: boolean;
}

/** A rule that all containers share: a listing has it where a line of its chain holds `known`, however iptables writes the rest. */
interface SharedRule extends IptablesRule {
  known: string;
}

/** A port list of `multiport` holds no more. */
const portsPerRule = 15;
const longestComment = 255;

/** The commands for table nat that map a target's ports by `chain`, the container's own, in place of what is in it; by the table's listing. */
export function mappingCommands(listing: string[], forwarding: Forwarding, target: Target, chain: string): string[] {
  const shared = sharedRules(forwarding);
  const needed = [...sharedChains(forwarding), chain].filter((name) => !listing.includes(`-N ${name}`));
  const jumps = listing.filter((line) => line.startsWith(`-A ${chains.ports} `) && line.endsWith(` -j ${chain}`));
  return [
    ...needed.map((name) => `-N ${name}`),
    ...shared.filter((rule) => !isListed(listing, rule)).map(addition),
    ...jumps.map((line) => `-D ${line.slice('-A '.length)}`),
    `-F ${chain}`,
    ...containerRules(forwarding, target, chain).map(addition),
  ];
}

/** All rules that a mapping needs, the container's own first. */
export function neededRules(forwarding: Forwarding, target: Target, chain: string): string[] {
  return [...containerRules(forwarding, target, chain), ...sharedRules(forwarding)].map(({ chain: name, rule }) => `${name} ${rule}`);
}

/**
 * An interface that routes 127.0.0.0/8 also takes packets to 127.0.0.1 from containers, which could reach what listens there alone: this rule of
 * table raw drops them, as the kernel does elsewhere. The reference plugin has no such rule.
 */
export const localnetRule = {
  chain: 'PREROUTING',
  rule: '-d 127.0.0.0/8 ! -i lo -m comment --comment "CNI portfwd loopback addresses" -j DROP',
  known: 'CNI portfwd loopback addresses',
};

/** The command that makes the rule of `localnetRule`; none where it is there. */
export function localnetCommands(listing: string[]): string[] {
  return isListed(listing, localnetRule) ? [] : [addition(localnetRule)];
}

/** The chains of a network's containers that the listing of table nat leads to, but for `valid`. */
export function staleChains(listing: string[], network: string, valid: string[]): string[] {
  const ofNetwork = listing.filter((line) => line.startsWith(`-A ${chains.ports} `) && line.includes(`"dnat name: \\"${network}\\" id: `));
  const led = ofNetwork.flatMap((line) => / -j (CNI-DN-\S+)$/.exec(line)?.[1] ?? []);
  return [...new Set(led)].filter((chain) => !valid.includes(chain));
}

function isListed(listing: string[], { chain, known }: SharedRule): boolean {
  return listing.some((line) => line.startsWith(`-A ${chain} `) && line.includes(known));
}

function addition({ chain, rule, first = false }: IptablesRule): string {
  return `${first ? '-I' : '-A'} ${chain} ${rule}`;
}

function sharedChains({ options }: Forwarding): string[] {
  return marksItself(options) ? Object.values(chains) : [chains.ports];
}

/** The rules that lead connections to those of containers, and masquerade the marked ones. */
function sharedRules({ options }: Forwarding): SharedRule[] {
  const mark = markOf(options.markMasqBit);
  const masquerading: SharedRule[] = [
    {
      chain: chains.setMark,
      rule: `-m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark ${mark}`,
      known: mark,
    },
    { chain: chains.masquerade, rule: `-m mark --mark ${mark} -j MASQUERADE`, known: mark },
    {
      chain: 'POSTROUTING',
      rule: `-m comment --comment "CNI portfwd requiring masquerade" -j ${chains.masquerade}`,
      known: `-j ${chains.masquerade}`,
      // Those of other plugins would masquerade the connection before.
      first: true,
    },
  ];
  const entries = ['PREROUTING', 'OUTPUT'].map((chain) => ({
    chain,
    rule: `-m addrtype --dst-type LOCAL -j ${chains.ports}`,
    known: `-j ${chains.ports}`,
  }));
  return [...(marksItself(options) ? masquerading : []), ...entries];
}

function marksItself({ snat, externalSetMarkChain }: Forwarding['options']): boolean {
  return snat && externalSetMarkChain === undefined;
}

function containerRules(forwarding: Forwarding, target: Target, chain: string): IptablesRule[] {
  return [
    ...target.mappings.flatMap((mapping) => mappingRules(forwarding, target, mapping)).map((rule) => ({ chain, rule })),
    // In front, so that the youngest of several containers with the same port gets the connections.
    ...jumpRules(forwarding, target, chain).map((rule) => ({ chain: chains.ports, rule, first: true })),
  ];
}

/** The rules of one mapping: which connections are to be masqueraded, and where all of them lead. */
function mappingRules({ options }: Forwarding, { prefix }: Target, mapping: PortMapping): string[] {
  const { family } = prefix.address;
  const address = addressOf(mapping);
  const destination = address ? ` -d ${formatAddress(address)}` : '';
  const match = `-p ${mapping.protocol} --dport ${mapping.hostPort}${destination}`;
  const markChain = options.externalSetMarkChain ?? chains.setMark;
  return [
    ...masqueradedSources(options, family, formatPrefix(networkOf(prefix))).map(
      (source) => `${match} -s ${source} -j ${iptablesWord(markChain)}`,
    ),
    `${match} -j DNAT --to-destination ${endpoint(prefix.address, mapping.containerPort)}`,
  ];
}

/** Where connections come from that are masqueraded. */
function masqueradedSources({ snat, masqAll }: Forwarding['options'], family: IpFamily, network: string): string[] {
  if (!snat) return [];
  if (masqAll) return [family === 4 ? '0.0.0.0/0' : '::/0'];
  return family === 4 ? [network, '127.0.0.1'] : [network];
}

/** The jumps to a container's chain: by protocol, with as many ports as one rule takes. */
function jumpRules({ network, containerId, options }: Forwarding, { prefix, mappings }: Target, chain: string): string[] {
  const comment = iptablesWord(`dnat name: "${network}" id: "${containerId}"`.slice(0, longestComment));
  const conditions = options.conditions[prefix.address.family].map((word) => ` ${iptablesWord(word)}`).join('');
  return [...new Set(mappings.map(({ protocol }) => protocol))].toSorted().flatMap((protocol) => {
    const ports = mappings.filter((mapping) => mapping.protocol === protocol).map(({ hostPort }) => hostPort);
    const lists = Array.from({ length: Math.ceil(ports.length / portsPerRule) }, (_, index) =>
      ports.slice(index * portsPerRule, (index + 1) * portsPerRule).join(','),
    );
    return lists.map((list) => `-m comment --comment ${comment} ${jumpMatches(protocol, list)}${conditions} -j ${chain}`);
  });
}

/** Which connections a jump to a container's chain is about: conditions stand behind it. */
export function jumpMatches(protocol: PortMapping['protocol'], ports: string): string {
  return `-m multiport -p ${protocol} --destination-ports ${ports}`;
}

function markOf(bit: number): string {
  const mark = `0x${(2 ** bit).toString(16)}`;
  return `${mark}/${mark}`;
}
