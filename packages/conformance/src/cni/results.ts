import { expectMatch, expectSame, expectTrue, present } from '../expect.ts';

/** A result of ADD as a plugin prints it, in whichever version: those before 0.3.0 have `ip4` and `ip6`, later ones `ips`. */
export interface CniResult {
  cniVersion?: string;
  interfaces?: { name: string; mac?: string; mtu?: number; sandbox?: string }[];
  ips?: { version?: string; address: string; gateway?: string; interface?: number }[];
  ip4?: { ip: string; gateway?: string; routes?: CniRoute[] };
  ip6?: { ip: string; gateway?: string; routes?: CniRoute[] };
  routes?: CniRoute[];
  dns?: { nameservers?: string[]; domain?: string; search?: string[]; options?: string[] };
}

interface CniRoute {
  dst: string;
  gw?: string;
}

/** An error object (SPEC.md, "Error"). */
export interface CniErrorObject {
  cniVersion?: string;
  code: number;
  msg: string;
  details?: string;
}

/** The versions of the specification, oldest first. */
export const specVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

/** Is the first version the second one or newer? */
export function isAtLeast(version: string, other: string): boolean {
  const [left, right] = [version, other].map((text) => text.split('.').map(Number));
  for (let part = 0; part < 3; part++) {
    const difference = (left?.[part] ?? 0) - (right?.[part] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** A result as `version` writes it, from 0.3.0 on: before, it had another shape, and there were no chains to pass it on in. */
export function asVersion(result: CniResult, version: string): CniResult {
  const ips = result.ips?.map((ip) => ({
    ...(!isAtLeast(version, '1.0.0') && { version: ip.address.includes(':') ? '6' : '4' }),
    ...ip,
  }));
  return { ...result, cniVersion: version, ...(ips && { ips }) };
}

/** The addresses of a result, with their prefix lengths, whichever version it has. */
export function addressesOf({ ips, ip4, ip6 }: CniResult): string[] {
  return ips?.map(({ address }) => address) ?? [ip4, ip6].flatMap((ip) => (ip ? [ip.ip] : []));
}

/** The destinations of a result's routes, whichever version it has. */
export function destinationsOf(result: CniResult): string[] {
  return routesOf(result).map(({ dst }) => dst);
}

function routesOf({ routes, ip4, ip6 }: CniResult): CniRoute[] {
  return [...(routes ?? []), ...(ip4?.routes ?? []), ...(ip6?.routes ?? [])];
}

/** The text as a JSON object. Throws about what it is instead. */
export function parseObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${what} is not JSON: ${JSON.stringify(text.slice(0, 300))}`);
  }
  expectTrue(typeof value === 'object' && value !== null && !Array.isArray(value), `${what} is not a JSON object: ${text.slice(0, 300)}`);
  return value as Record<string, unknown>;
}

/** Reads an error object. Throws about anything else. */
export function parseError(stdout: string): CniErrorObject {
  const error = parseObject(stdout, 'standard output of a call that failed') as unknown as CniErrorObject;
  expectTrue(Number.isInteger(error.code) && error.code > 0, `code of the error is ${JSON.stringify(error.code)}, and no positive integer`);
  expectTrue(typeof error.msg === 'string' && error.msg !== '', `msg of the error is ${JSON.stringify(error.msg)}`);
  if (error.details !== undefined) expectTrue(typeof error.details === 'string', 'details of the error is no string');
  return error;
}

const cidr4 = /^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/;
const cidr6 = /^[0-9a-f:.]+\/\d{1,3}$/i;

/** Throws unless the result has the shape that `version` gives it (SPEC.md of that version). */
export function expectShape(result: CniResult, version: string): void {
  expectSame(result.cniVersion, version, 'cniVersion of the result');
  if (isAtLeast(version, '0.3.0')) expectCurrentShape(result, version);
  else expectLegacyShape(result);
}

function expectLegacyShape(result: CniResult): void {
  for (const key of ['ips', 'interfaces'] as const) expectTrue(result[key] === undefined, `${key} is of 0.3.0 and later`);
  if (result.ip4) expectMatch(result.ip4.ip, cidr4, 'ip4.ip');
  if (result.ip6) expectMatch(result.ip6.ip, cidr6, 'ip6.ip');
  for (const dst of destinationsOf(result)) expectMatch(dst, /\/\d+$/, 'routes[].dst');
}

function expectCurrentShape({ ips = [], ip4, ip6, interfaces = [], routes = [] }: CniResult, version: string): void {
  expectTrue(ip4 === undefined && ip6 === undefined, 'ip4 and ip6 ended with 0.2.0');
  for (const [index, { address, version: family, interface: on, gateway }] of ips.entries()) {
    const six = present(address, `ips[${index}].address`).includes(':');
    expectMatch(address, six ? cidr6 : cidr4, `ips[${index}].address`);
    const familyThen = isAtLeast(version, '1.0.0') ? undefined : six ? '6' : '4';
    expectSame(family, familyThen, `ips[${index}].version in ${version}`);
    if (on !== undefined) expectTrue(interfaces[on] !== undefined, `ips[${index}].interface is ${on} of ${interfaces.length} interfaces`);
    if (gateway !== undefined) expectMatch(gateway, /^[0-9a-f:.]+$/i, `ips[${index}].gateway`);
  }
  for (const [index, { name }] of interfaces.entries()) expectMatch(name, /^[^\s/]{1,15}$/, `interfaces[${index}].name`);
  for (const [index, { dst }] of routes.entries()) expectMatch(dst, /\/\d+$/, `routes[${index}].dst`);
}
