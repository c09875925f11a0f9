import type { Dns, Interface, IpConfig, Result, Route } from './types.ts';
import { CniError, errorCodes, isObject } from './types.ts';

/** The spec versions whose configurations are understood and whose results can be written, oldest first. */
export const supportedVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

/** The version of a configuration that names none (SPEC.md of 0.2.0). */
export const defaultVersion = '0.1.0';

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`. Both look like `1.0.0`. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The highest of `versions` that is supported here, if any. */
export function highestSupported(versions: string[]): string | undefined {
  return versions
    .filter((version) => supportedVersions.includes(version))
    .sort(compareVersions)
    .at(-1);
}

/**
 * Reads a result of any supported version, which it names itself in `cniVersion`, into the shape of 1.1.0.
 * Throws a CniError (code 1 or 6) that begins with `object`.
 */
export function readResult(value: unknown, fallbackVersion: string, object: string): Result {
  if (!isObject(value)) throw new CniError(errorCodes.decodingFailure, 'is not a JSON object', { object });
  const version = typeof value.cniVersion === 'string' && value.cniVersion !== '' ? value.cniVersion : fallbackVersion;
  if (!supportedVersions.includes(version)) {
    throw new CniError(errorCodes.incompatibleVersion, `has version ${version}; supported are ${supportedVersions.join(', ')}`, { object });
  }
  if (compareVersions(version, '0.3.0') < 0) return readLegacyResult(checkedLegacy(value, object));
  for (const [key, required] of Object.entries(requiredFields)) checkList(value[key], key, required, object);
  return readCurrentResult(value);
}

/** The lists of a result, and the field that each of their objects must have. */
const requiredFields = { interfaces: 'name', ips: 'address', routes: 'dst' };

function checkList(list: unknown, key: string, required: string, object: string): void {
  if (list == null) return;
  if (!Array.isArray(list) || !list.every(isObject))
    throw new CniError(errorCodes.decodingFailure, `${key} is not a list of objects`, { object });
  const index = list.findIndex((item) => typeof item[required] !== 'string');
  if (index >= 0) throw new CniError(errorCodes.decodingFailure, `${key}[${index}].${required} is not a string`, { object });
}

function readCurrentResult(value: Record<string, unknown>): Result {
  const { ips, ...rest } = value as Omit<Result, 'ips'> & { ips?: (IpConfig & { version?: string })[] };
  return { ...rest, cniVersion: '1.1.0', ...(ips ? { ips: ips.map(({ version: _, ...ip }) => ip) } : {}) };
}

/** A result of 0.1.0 and 0.2.0: one address for each family, its routes beside it, and no interfaces. */
interface LegacyResult {
  ip4?: LegacyIp;
  ip6?: LegacyIp;
  dns?: Dns;
}

interface LegacyIp {
  ip: string;
  gateway?: string;
  routes?: Route[];
}

function checkedLegacy(value: Record<string, unknown>, object: string): LegacyResult {
  for (const key of ['ip4', 'ip6']) {
    const given = value[key];
    if (given == null) continue;
    if (!isObject(given) || typeof given.ip !== 'string')
      throw new CniError(errorCodes.decodingFailure, `${key}.ip is not a string`, { object });
    checkList(given.routes, `${key}.routes`, requiredFields.routes, object);
  }
  return value as LegacyResult;
}

function readLegacyResult({ ip4, ip6, dns }: LegacyResult): Result {
  const given = [ip4, ip6].filter((ip) => ip != null);
  return {
    cniVersion: '1.1.0',
    ips: given.map(({ ip, gateway }) => ({ address: ip, ...(gateway ? { gateway } : {}) })),
    routes: given.flatMap(({ routes }) => routes ?? []),
    ...(dns ? { dns } : {}),
  };
}

/**
 * `result`, which has the shape of 1.1.0, as the object that `version` writes, by libcni's rules (pkg/types): interfaces have a MTU, a socket
 * and a PCI address since 1.0.0 only; addresses name their family before it; routes are whole but for 0.1.0 and 0.2.0, which have the first
 * address of each family. Those need one: a CniError (code 1) where there is none.
 */
export function writeResult(result: Result, version: string): Record<string, unknown> {
  if (compareVersions(version, '0.3.0') < 0) return writeLegacyResult(result, version);
  const { interfaces, ips, routes, dns = {} } = result;
  const old = compareVersions(version, '1.0.0') < 0;
  return {
    cniVersion: version,
    ...(interfaces?.length ? { interfaces: old ? interfaces.map(oldInterface) : interfaces } : {}),
    ...(ips?.length ? { ips: old ? ips.map((ip) => ({ version: family(ip.address), ...ip })) : ips } : {}),
    ...(routes?.length ? { routes } : {}),
    dns,
  };
}

function oldInterface({ name, mac, sandbox }: Interface): Interface {
  return { name, ...(mac ? { mac } : {}), ...(sandbox ? { sandbox } : {}) };
}

function writeLegacyResult({ ips = [], routes = [], dns }: Result, version: string): Record<string, unknown> {
  const legacy = (wanted: '4' | '6'): LegacyIp | undefined => {
    const ip = ips.find(({ address }) => family(address) === wanted);
    if (!ip) return undefined;
    const own = routes.filter(({ dst }) => family(dst) === wanted).map(({ dst, gw }) => ({ dst, ...(gw ? { gw } : {}) }));
    return { ip: ip.address, ...(ip.gateway ? { gateway: ip.gateway } : {}), ...(own.length > 0 ? { routes: own } : {}) };
  };
  const [ip4, ip6] = [legacy('4'), legacy('6')];
  if (!ip4 && !ip6) {
    throw new CniError(errorCodes.incompatibleVersion, `a result without an address can't be written in version ${version}`, {
      hint: 'write cniVersion 0.3.0 or newer into the network configuration',
    });
  }
  return { cniVersion: version, ...(ip4 ? { ip4 } : {}), ...(ip6 ? { ip6 } : {}), dns: dns ?? {} };
}

function family(address: string): '4' | '6' {
  return address.includes(':') ? '6' : '4';
}
