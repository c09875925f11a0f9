import type { Address } from '@berth/sdk/cni/address';
import { parseAddress } from '@berth/sdk/cni/address';
import type { PluginConfig } from '@berth/sdk/cni/types';
import { CniError, errorCodes, isObject } from '@berth/sdk/cni/types';

/** The plugin's keys and the ports that the runtime asks for, checked, with their defaults. */
export interface Configuration {
  mappings: PortMapping[];
  /** Masquerade what couldn't find its way back otherwise: connections from 127.0.0.1 and from the container's own network. */
  snat: boolean;
  /** Masquerade every mapped connection. */
  masqAll: boolean;
  /** What a packet must be besides, by family: an expression of nft, '' for any packet. */
  conditions: Record<4 | 6, string>;
}

/** One entry of the capability `portMappings` (CONVENTIONS.md of CNI). */
export interface PortMapping {
  hostPort: number;
  containerPort: number;
  protocol: Protocol;
  /** The host's address; without one every address of the host. */
  hostIP?: Address;
}

const protocols = ['tcp', 'udp', 'sctp'] as const;
type Protocol = (typeof protocols)[number];

/** Keys of the reference plugin's iptables backend: refused, since ignoring them would change what is masqueraded. */
const ofIptables = ['markMasqBit', 'externalSetMarkChain'];

/** Reads the configuration. Throws a CniError that names the key: code 7 for a wrong value, code 2 for one that isn't supported. */
export function readConfiguration(config: PluginConfig): Configuration {
  refuseUnsupported(config);
  return {
    mappings: readMappings(config),
    snat: flag(config, 'snat') ?? true,
    masqAll: flag(config, 'masqAll') ?? false,
    conditions: { 4: readConditions(config, 'conditionsV4'), 6: readConditions(config, 'conditionsV6') },
  };
}

function refuseUnsupported(config: PluginConfig): void {
  const { backend } = config;
  if (backend != null && backend !== 'nftables') {
    const what = `${JSON.stringify(backend)} is not supported by this portmap plugin`;
    throw new CniError(errorCodes.unsupportedField, what, { object: 'backend', hint: 'use "nftables"' });
  }
  const key = ofIptables.find((name) => config[name] != null);
  if (!key) return;
  throw new CniError(errorCodes.unsupportedField, 'belongs to the iptables backend, which this portmap plugin does not have', {
    object: key,
    hint: 'remove the key',
  });
}

function readMappings({ runtimeConfig }: PluginConfig): PortMapping[] {
  const mappings = runtimeConfig?.portMappings ?? [];
  if (!Array.isArray(mappings)) throw invalid('runtimeConfig.portMappings', 'must be a list');
  return mappings.map((mapping, index) => readMapping(mapping, `runtimeConfig.portMappings[${index}]`));
}

function readMapping(mapping: unknown, path: string): PortMapping {
  if (!isObject(mapping)) throw invalid(path, 'must be an object');
  const hostIP = readHostIP(mapping.hostIP, `${path}.hostIP`);
  return {
    hostPort: readPort(mapping.hostPort, `${path}.hostPort`),
    containerPort: readPort(mapping.containerPort, `${path}.containerPort`),
    protocol: readProtocol(mapping.protocol, `${path}.protocol`),
    ...(hostIP ? { hostIP } : {}),
  };
}

function readPort(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535) return value;
  throw invalid(path, `must be a port from 1 to 65535, and is ${JSON.stringify(value)}`);
}

function readProtocol(value: unknown, path: string): Protocol {
  const name = value == null || value === '' ? 'tcp' : String(value).toLowerCase();
  const protocol = protocols.find((known) => known === name);
  if (protocol) return protocol;
  throw invalid(path, `must be one of ${protocols.join(', ')}, and is ${JSON.stringify(value)}`);
}

function readHostIP(value: unknown, path: string): Address | undefined {
  if (value == null || value === '') return undefined;
  const address = parseAddress(value);
  if (address) return address;
  throw invalid(path, `${JSON.stringify(value)} is no IP address`);
}

/** A list of words that make one nft expression, which holds no second command. */
function readConditions(config: PluginConfig, key: string): string {
  const words = config[key] ?? [];
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) throw invalid(key, 'must be a list of strings');
  const foreign = words.find((word) => /[\n\r;#]/.test(word) || word.startsWith('-'));
  if (foreign === undefined) return words.join(' ');
  throw invalid(key, `${JSON.stringify(foreign)} is no part of an nft expression`, 'write it like ["ip", "daddr", "!=", "192.0.2.1"]');
}

function flag(config: PluginConfig, key: string): boolean | undefined {
  const value = config[key];
  if (value == null) return undefined;
  if (typeof value === 'boolean') return value;
  throw invalid(key, `must be a boolean, and is ${JSON.stringify(value)}`);
}

export function invalid(object: string, what: string, hint?: string): CniError {
  return new CniError(errorCodes.invalidConfig, what, { object, ...(hint ? { hint } : {}) });
}
