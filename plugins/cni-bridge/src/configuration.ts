import type { Request } from '@berth/sdk/cni/plugin';
import type { Dns } from '@berth/sdk/cni/types';
import { CniError, errorCodes, isObject } from '@berth/sdk/cni/types';

/** The bridge's keys, checked, with their defaults. */
export interface Configuration {
  bridge: string;
  isGateway: boolean;
  isDefaultGateway: boolean;
  forceAddress: boolean;
  ipMasq: boolean;
  /** 0: what the kernel chooses. */
  mtu: number;
  hairpinMode: boolean;
  promiscMode: boolean;
  /** The IPAM plugin; without one the interface gets no address. */
  ipam?: string;
  /** The container interface's hardware address, if one is asked for. */
  mac?: string;
  /** Name servers of the configuration, which come before those of the IPAM plugin. */
  dns?: Dns;
}

/** Keys of the reference plugin that change what the network does and aren't done here: refused, since ignoring them would mislead. */
const unsupported = ['vlan', 'vlanTrunk', 'macspoofchk', 'enabledad', 'disableContainerInterface', 'portIsolation'];

/** Reads the configuration. Throws a CniError (code 7) that names the key with a wrong value. */
export function readConfiguration({ config, args }: Pick<Request, 'config' | 'args'>): Configuration {
  const flag = (key: string) => optional(config, key, 'boolean') ?? false;
  const bridge = optional(config, 'bridge', 'string') ?? 'cni0';
  const mtu = optional(config, 'mtu', 'number') ?? 0;
  if (!/^[^\s/:]{1,15}$/.test(bridge) || /^\.\.?$/.test(bridge)) throw invalid('bridge', `${JSON.stringify(bridge)} is no interface name`);
  if (!Number.isInteger(mtu) || mtu < 0 || mtu > 65535) throw invalid('mtu', `${mtu} is not between 0 and 65535`);
  if (flag('hairpinMode') && flag('promiscMode')) throw invalid('hairpinMode', 'excludes promiscMode', 'set one of them');
  const ipam = readIpam(config.ipam);
  const mac = readMac(config, args);
  return {
    bridge,
    mtu,
    isGateway: flag('isGateway') || flag('isDefaultGateway'),
    isDefaultGateway: flag('isDefaultGateway'),
    forceAddress: flag('forceAddress'),
    ipMasq: flag('ipMasq'),
    hairpinMode: flag('hairpinMode'),
    promiscMode: flag('promiscMode'),
    ...(ipam ? { ipam } : {}),
    ...(mac ? { mac } : {}),
    ...(isObject(config.dns) && Object.keys(config.dns).length > 0 ? { dns: config.dns } : {}),
  };
}

/** Throws a CniError (code 2) that names a key which isn't supported. For ADD: DEL removes what it can, whoever made it. */
export function refuseUnsupported(config: Record<string, unknown>): void {
  const key = unsupported.find((name) => isActive(config[name]));
  if (key)
    throw new CniError(errorCodes.unsupportedField, 'is not supported by this bridge plugin', { object: key, hint: 'remove the key' });
  const { ipMasqBackend } = config;
  if (ipMasqBackend == null || ipMasqBackend === 'nftables') return;
  throw new CniError(errorCodes.unsupportedField, `${JSON.stringify(ipMasqBackend)} is not supported by this bridge plugin`, {
    object: 'ipMasqBackend',
    hint: 'use "nftables"',
  });
}

function isActive(value: unknown): boolean {
  return value != null && value !== false && value !== 0 && !(Array.isArray(value) && value.length === 0);
}

interface Types {
  boolean: boolean;
  string: string;
  number: number;
}

function optional<T extends keyof Types>(config: Record<string, unknown>, key: string, type: T): Types[T] | undefined {
  const value = config[key];
  if (value == null) return undefined;
  if (typeof value !== type) throw invalid(key, `must be a ${type}, and is ${JSON.stringify(value)}`);
  return value as Types[T];
}

function readIpam(ipam: unknown): string | undefined {
  if (ipam == null) return undefined;
  if (!isObject(ipam)) throw invalid('ipam', 'must be an object');
  return optional(ipam, 'type', 'string') || undefined;
}

/** By rising precedence: CNI_ARGS MAC, `args.cni.mac`, the capability `mac`. */
function readMac({ args, runtimeConfig }: Record<string, unknown>, environmentArgs: Record<string, string>): string | undefined {
  const cni = isObject(args) ? args.cni : undefined;
  const fromRuntime = isObject(runtimeConfig) ? optional(runtimeConfig, 'mac', 'string') : undefined;
  const mac = fromRuntime || (isObject(cni) ? optional(cni, 'mac', 'string') : undefined) || environmentArgs.MAC;
  if (!mac || /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) return mac || undefined;
  throw invalid('mac', `${JSON.stringify(mac)} is no hardware address like 0a:58:0a:01:00:02`);
}

export function invalid(object: string, what: string, hint?: string): CniError {
  return new CniError(errorCodes.invalidConfig, what, { object, ...(hint ? { hint } : {}) });
}
