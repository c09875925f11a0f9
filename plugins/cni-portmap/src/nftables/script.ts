import type { Prefix } from '@berth/sdk/cni/address';
import { formatAddress, formatPrefix, networkOf } from '@berth/sdk/cni/address';
import { familyKeyword } from '@berth/sdk/cni/nft';
import type { PortMapping } from '../configuration.ts';
import type { Forwarding, Target } from '../forwarding.ts';
import { addressOf, endpoint } from '../forwarding.ts';

// The table, its chains and comments are those of the reference plugin's nftables backend: each deletes what the other added.
export const table = 'cni_hostport';
export const chains = {
  ports: 'hostports',
  portsOfAddresses: 'hostip_hostports',
  allPorts: 'hostports_all',
  masquerade: 'masquerading',
  localnet: 'localnet',
};

/** Chains with rules of containers: those of `portsOfAddresses` are made by older reference plugins only. */
export const chainsOfContainers = [chains.ports, chains.portsOfAddresses, chains.masquerade];

/** The hooks in which connections are given their new destination. */
export const entries = ['prerouting', 'output'];

const longestComment = 128;

/** Marks the rules of one container. */
export function markOf(containerId: string): string {
  return containerId.slice(0, longestComment);
}

/**
 * The name of the counter that every rule of a network refers to. It tells whose rule it is: the mark names the container only,
 * and GC must leave alone the containers of other networks.
 */
export function counterOf(network: string): string {
  return `network_${network}`;
}

/** What the tables must be made to do first, where they don't do it yet: a chain that is made or flushed costs its caller 15 ms, a rule 2 ms. */
export interface Preparation {
  /** The families whose hooks don't lead to the rules of containers. */
  tables: (4 | 6)[];
  /** Keep others from the host's loopback addresses. */
  localnet: boolean;
}

/** The nft script that leads the ports to their container. */
export function forwardingScript({ targets, ...forwarding }: Forwarding, preparation: Preparation): string {
  return [
    ...preparation.tables.flatMap((family) => [
      ...tableCommands(`${familyKeyword[family]} ${table}`),
      ...entryCommands(`${familyKeyword[family]} ${table}`),
    ]),
    ...targets.map(({ prefix: { address } }) => `add counter ${familyKeyword[address.family]} ${table} ${counterOf(forwarding.network)}`),
    ...(preparation.localnet ? localnetCommands(`ip ${table}`) : []),
    ...targets.flatMap((target) => ruleCommands(forwarding, target)),
  ].join('\n');
}

/** The table as it is before any container is in it. What is there stays. */
function tableCommands(name: string): string[] {
  return [
    `add table ${name} { comment "CNI portmap plugin" ; }`,
    `add chain ${name} ${chains.ports}`,
    `add chain ${name} ${chains.portsOfAddresses}`,
    `add chain ${name} ${chains.allPorts}`,
    ...entries.map((hook) => `add chain ${name} ${hook} { type nat hook ${hook} priority -100 ; }`),
    `add chain ${name} ${chains.masquerade} { type nat hook postrouting priority 100 ; }`,
  ];
}

/** What leads connections to the rules of containers, made anew. */
function entryCommands(name: string): string[] {
  return [
    `flush chain ${name} ${chains.allPorts}`,
    `add rule ${name} ${chains.allPorts} jump ${chains.portsOfAddresses}`,
    `add rule ${name} ${chains.allPorts} jump ${chains.ports}`,
    ...entries.flatMap((hook) => [
      `flush chain ${name} ${hook}`,
      // A connection to another host that happens to use the same port isn't ours.
      `add rule ${name} ${hook} fib daddr type local jump ${chains.allPorts}`,
    ]),
  ];
}

/**
 * An interface that routes 127.0.0.0/8 also takes packets to 127.0.0.1 from containers, which could reach what listens there
 * alone. The kernel drops such packets elsewhere; here it is done before any other rule sees them.
 */
function localnetCommands(name: string): string[] {
  return [
    `add chain ${name} ${chains.localnet} { type filter hook prerouting priority -300 ; }`,
    `flush chain ${name} ${chains.localnet}`,
    `add rule ${name} ${chains.localnet} iifname != "lo" ip daddr 127.0.0.0/8 drop`,
  ];
}

/** The rules of one container. Inserted, so that the youngest of several containers with the same port gets the connections. */
function ruleCommands({ network, containerId, options }: Omit<Forwarding, 'targets'>, { prefix, mappings }: Target): string[] {
  const { family } = prefix.address;
  const ending = (verdict: string) => `counter name ${counterOf(network)} ${verdict} comment "${markOf(containerId)}"`;
  return [
    // What is inserted last stands first.
    ...mappings.toReversed().map((mapping) => {
      const match = words(...options.conditions[family], matchOf(mapping));
      return `insert rule ${familyKeyword[family]} ${table} ${chains.ports} ${match} ${ending(`dnat to ${endpoint(prefix.address, mapping.containerPort)}`)}`;
    }),
    ...masquerades(prefix, options).map(
      (match) => `add rule ${familyKeyword[family]} ${table} ${chains.masquerade} ${match} ${ending('masquerade')}`,
    ),
  ];
}

function matchOf(mapping: PortMapping): string {
  const address = addressOf(mapping);
  const destination = address ? `${familyKeyword[address.family]} daddr ${formatAddress(address)}` : '';
  return words(destination, `${mapping.protocol} dport ${mapping.hostPort}`);
}

/** Which mapped connections are masqueraded: answers to them wouldn't pass the host, or not as what they were. */
export function masquerades(prefix: Prefix, { snat, masqAll }: Pick<Forwarding['options'], 'snat' | 'masqAll'>): string[] {
  if (!snat) return [];
  const keyword = familyKeyword[prefix.address.family];
  const mapped = `${keyword} daddr ${formatAddress(prefix.address)} ct status dnat`;
  if (masqAll) return [mapped];
  const sources = [formatPrefix(networkOf(prefix)), ...(prefix.address.family === 4 ? ['127.0.0.0/8'] : [])];
  return sources.map((source) => `${keyword} saddr ${source} ${mapped}`);
}

function words(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}
