import type { Address } from '@berth/sdk/cni/address';
import { parseAddress } from '@berth/sdk/cni/address';
import { invalid, Keys } from '@berth/sdk/cni/keys';
import type { CniError, PluginConfig } from '@berth/sdk/cni/types';

/** The plugin's keys and the ports that the runtime asks for, checked, with their defaults. */
export interface Configuration {
  mappings: PortMapping[];
  /** Undefined: the one that works here. */
  backend?: Backend;
  /** Masquerade what couldn't find its way back otherwise: connections from 127.0.0.1 and from the container's own network. */
  snat: boolean;
  /** Masquerade every mapped connection. */
  masqAll: boolean;
  /** The bit of a packet's mark that says "to be masqueraded", with iptables. */
  markMasqBit: number;
  /** A chain of somebody else's that marks packets, who masquerades them then; with iptables. */
  externalSetMarkChain?: string;
  /** What a packet must be besides, by family: the words of an nft expression, or parameters of iptables. */
  conditions: Record<4 | 6, string[]>;
}

/** One entry of the capability `portMappings` (CONVENTIONS.md of CNI). */
export interface PortMapping {
  hostPort: number;
  containerPort: number;
  protocol: Protocol;
  /** The host's address; without one every address of the host. */
  hostIP?: Address;
}

const backends = ['iptables', 'nftables'] as const;
export type Backend = (typeof backends)[number];

const protocols = ['tcp', 'udp', 'sctp'] as const;
type Protocol = (typeof protocols)[number];

/** Kubernetes uses 14 and 15, Calico 20 to 31. */
const defaultMarkBit = 13;
/** Of the name of a chain, as iptables allows it. */
const longestChain = 28;

/** Reads the configuration. Throws a CniError (code 7) that names the key. */
export function readConfiguration(config: PluginConfig): Configuration {
  const keys = new Keys(config);
  const backend = keys.oneOf('backend', backends);
  const externalSetMarkChain = readChain(keys, 'externalSetMarkChain');
  const markMasqBit = keys.integer('markMasqBit', 0, 31);
  if (externalSetMarkChain !== undefined && markMasqBit !== undefined) {
    throw invalid('externalSetMarkChain', "can't be set together with markMasqBit", 'remove one of them');
  }
  return {
    mappings: (keys.object('runtimeConfig')?.objects('portMappings') ?? []).map(readMapping),
    ...(backend === undefined ? {} : { backend }),
    snat: keys.boolean('snat') ?? true,
    masqAll: keys.boolean('masqAll') ?? false,
    markMasqBit: markMasqBit ?? defaultMarkBit,
    ...(externalSetMarkChain === undefined ? {} : { externalSetMarkChain }),
    conditions: { 4: readConditions(keys, 'conditionsV4'), 6: readConditions(keys, 'conditionsV6') },
  };
}

/** Throws a CniError (code 7) where a key is for the other back end: to ignore it would change who is let in, or masqueraded. */
export function checkBackend(
  { conditions, externalSetMarkChain }: Pick<Configuration, 'conditions' | 'externalSetMarkChain'>,
  backend: Backend,
): void {
  const bound = [
    { key: 'conditionsV4', belongsTo: backendOf(conditions[4]) },
    { key: 'conditionsV6', belongsTo: backendOf(conditions[6]) },
    { key: 'externalSetMarkChain', belongsTo: externalSetMarkChain === undefined ? undefined : 'iptables' },
  ];
  const wrong = bound.find(({ belongsTo }) => belongsTo !== undefined && belongsTo !== backend);
  if (!wrong) return;
  throw invalid(
    wrong.key,
    `is for ${wrong.belongsTo}, and the back end is ${backend}`,
    `set "backend": "${wrong.belongsTo}", or change the key`,
  );
}

/** Conditions of iptables begin with a parameter, or its negation; no expression of nft does. */
function backendOf([first]: string[]): Backend | undefined {
  if (first === undefined) return undefined;
  return /^[-!]/.test(first) ? 'iptables' : 'nftables';
}

function readMapping(keys: Keys): PortMapping {
  const hostIP = readHostIP(keys);
  return {
    hostPort: readPort(keys, 'hostPort'),
    containerPort: readPort(keys, 'containerPort'),
    protocol: readProtocol(keys),
    ...(hostIP ? { hostIP } : {}),
  };
}

function readPort(keys: Keys, key: string): number {
  const port = keys.integer(key, 1, 65535);
  if (port === undefined) throw invalid(keys.path(key), 'is missing');
  return port;
}

function readProtocol(keys: Keys): Protocol {
  const name = keys.string('protocol')?.toLowerCase();
  const protocol = protocols.find((known) => known === name);
  if (name !== undefined && protocol === undefined) throw keys.wrong('protocol', `must be one of ${protocols.join(', ')}`);
  return protocol ?? 'tcp';
}

function readHostIP(keys: Keys): Address | undefined {
  const text = keys.string('hostIP');
  const address = parseAddress(text);
  if (text !== undefined && address === undefined) throw keys.wrong('hostIP', 'must be an IP address');
  return address;
}

function readChain(keys: Keys, key: string): string | undefined {
  const name = keys.string(key);
  if (name === undefined || (/^[^\s!-][^\s]*$/.test(name) && name.length <= longestChain)) return name;
  throw keys.wrong(key, `must be the name of a chain of iptables, of ${longestChain} characters at most`);
}

/** Words that make one rule's condition, and hold no second command. */
function readConditions(keys: Keys, key: string): string[] {
  const words = keys.strings(key);
  const ofIptables = backendOf(words) === 'iptables';
  const foreign = words.find((word) => /[\n\r]/.test(word) || (!ofIptables && (/[;#]/.test(word) || word.startsWith('-'))));
  if (foreign === undefined) return words;
  throw wrongConditions(key, `${JSON.stringify(foreign)} is no part of a condition`);
}

/** The error of the key `conditionsV4` or `conditionsV6` (code 7). */
export function wrongConditions(key: string, what: string): CniError {
  return invalid(key, what, 'write it like ["ip", "daddr", "!=", "192.0.2.1"], or ["!", "-d", "192.0.2.1"] for iptables');
}
