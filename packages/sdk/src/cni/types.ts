import type { Code, PluginErrorOptions } from '../errors.ts';
import { PluginError } from '../errors.ts';

/** What the names of networks and the ids of containers are written with (SPEC.md, "Network configuration lists", "Parameters"). */
export const identifier = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Is this the name of an executable in a directory of plugins, and no path? */
export function isPluginName(type: string): boolean {
  return !['', '.', '..'].includes(type) && !type.includes('/');
}

/** The key of what is in use (SPEC.md, "GC"). */
export const validAttachmentsKey = 'cni.dev/valid-attachments';

/** A plugin's configuration, as its stdin holds it (SPEC.md, "Plugin configuration objects"). Keys that a plugin doesn't know are kept. */
export interface PluginConfig {
  cniVersion?: string;
  /** The network's name; the runtime puts it in. */
  name?: string;
  /** The executable's file name. */
  type: string;
  capabilities?: Record<string, boolean>;
  runtimeConfig?: Record<string, unknown>;
  args?: Record<string, unknown>;
  ipam?: IpamConfig;
  dns?: Dns;
  prevResult?: unknown;
  [key: string]: unknown;
}

export interface IpamConfig {
  type?: string;
  [key: string]: unknown;
}

/** A network configuration list (SPEC.md, "Configuration format"): the chain that makes one network. */
export interface NetworkConfigList {
  /** The version that the chain is run with: the highest of `cniVersion` and `cniVersions` that is implemented here. */
  cniVersion: string;
  name: string;
  disableCheck: boolean;
  disableGC: boolean;
  plugins: PluginConfig[];
  /** The list as text, as the result cache keeps it. */
  text: string;
  /** The file that it was read from, if any. */
  file?: string;
}

export interface Interface {
  name: string;
  mac?: string;
  mtu?: number;
  /** The network namespace's path; absent for an interface of the host. */
  sandbox?: string;
  socketPath?: string;
  pciID?: string;
}

export interface IpConfig {
  /** An address with its prefix length: `10.1.2.3/16`. */
  address: string;
  gateway?: string;
  /** Index into the result's interfaces. */
  interface?: number;
}

export interface Route {
  dst: string;
  gw?: string;
  mtu?: number;
  advmss?: number;
  priority?: number;
  table?: number;
  scope?: number;
}

export interface Dns {
  nameservers?: string[];
  domain?: string;
  search?: string[];
  options?: string[];
}

/** What ADD made, in the shape of spec version 1.1.0 (SPEC.md, "ADD Success"); an IPAM plugin's has no interfaces. */
export interface Result {
  cniVersion?: string;
  interfaces?: Interface[];
  ips?: IpConfig[];
  routes?: Route[];
  dns?: Dns;
}

export type Verb = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION';

/**
 * Error codes of SPEC.md, "Error"; `invalidNetworkNamespace` is that of libcni's skeleton, and `internal` the one that libcni uses for all else. A
 * plugin's own start at 100.
 */
export const errorCodes = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  decodingFailure: 6,
  invalidConfig: 7,
  invalidNetworkNamespace: 8,
  tryAgainLater: 11,
  notAvailable: 50,
  limitedConnectivity: 51,
  internal: 999,
} as const;

/** An error as a plugin prints it on stdout. */
export interface ErrorObject {
  cniVersion: string;
  code: number;
  msg: string;
  details?: string;
}

/** A failure that has a code of the CNI spec. */
export class CniError extends PluginError {
  readonly cniCode: number;
  readonly details: string | undefined;

  constructor(cniCode: number, what: string, options: PluginErrorOptions & { details?: string } = {}) {
    super(codeOfCni[cniCode] ?? 'UNKNOWN', what, options);
    this.name = 'CniError';
    this.cniCode = cniCode;
    this.details = options.details;
  }
}

const codeOfCni: Record<number, Code> = {
  [errorCodes.incompatibleVersion]: 'FAILED_PRECONDITION',
  [errorCodes.unsupportedField]: 'UNIMPLEMENTED',
  [errorCodes.unknownContainer]: 'NOT_FOUND',
  [errorCodes.invalidEnvironment]: 'INVALID_ARGUMENT',
  [errorCodes.ioFailure]: 'INTERNAL',
  [errorCodes.decodingFailure]: 'INVALID_ARGUMENT',
  [errorCodes.invalidConfig]: 'INVALID_ARGUMENT',
  [errorCodes.invalidNetworkNamespace]: 'INVALID_ARGUMENT',
  [errorCodes.tryAgainLater]: 'UNAVAILABLE',
  [errorCodes.notAvailable]: 'UNAVAILABLE',
  [errorCodes.limitedConnectivity]: 'UNAVAILABLE',
  [errorCodes.internal]: 'INTERNAL',
};

const cniOfCode: Partial<Record<Code, number>> = {
  UNIMPLEMENTED: errorCodes.unsupportedField,
  INVALID_ARGUMENT: errorCodes.invalidConfig,
  UNAVAILABLE: errorCodes.tryAgainLater,
};

/** Any thrown value as the object that a plugin prints. */
export function errorObject(thrown: unknown, cniVersion: string): ErrorObject {
  const error = PluginError.from(thrown);
  const code = error instanceof CniError ? error.cniCode : (cniOfCode[error.code] ?? errorCodes.internal);
  const details = error instanceof CniError ? error.details : undefined;
  return { cniVersion, code, msg: error.message, ...(details === undefined ? {} : { details }) };
}

/** Reads what a failed plugin printed; undefined where it is no error object. */
export function parseErrorObject(printed: string): ErrorObject | undefined {
  const value = parseObject(printed);
  if (typeof value?.code !== 'number' || typeof value.msg !== 'string') return undefined;
  const { cniVersion = '', code, msg, details } = value;
  return { cniVersion: String(cniVersion), code, msg, ...(typeof details === 'string' ? { details } : {}) };
}

/** Reads a JSON object; undefined where the text is anything else. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Why JSON.parse() refused a text, in one line: its own message quotes the text, line breaks and all. */
export function notJson(cause: unknown): string {
  return `is not JSON: ${(cause as Error).message.replaceAll(/\s+/g, ' ')}`;
}

/** Is this a JSON object, and not an array or null? */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
