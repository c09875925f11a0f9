import { dirname, resolve } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import { parse, type TomlError } from 'smol-toml';
import { type Capability, capabilities, defaultSettings, type HostSettings } from './registry-host.ts';

/** One host that hosts.toml names. */
export interface NamedHost extends HostSettings {
  /** The root of its distribution API, without a slash at its end. */
  api: string;
}

/** What a hosts.toml says (containerd docs/hosts.md), paths made absolute. */
export interface HostsFile {
  /** Mirrors, in the order in which they are to be asked. */
  hosts: NamedHost[];
  /** The registry itself, which is asked last; `api` is undefined where the file has no `server`. */
  server: HostSettings & { api: string | undefined };
}

type Table = Record<string, unknown>;

/**
 * Reads the text of the hosts.toml at `path`. Fields that it doesn't know are passed over, as containerd does. Throws
 * FAILED_PRECONDITION that names file and field.
 */
export function parseHostsToml(text: string, path: string): HostsFile {
  const root = parseToml(text, path);
  const hosts = Object.entries(table(root.host, new Field(path, 'host'))).map(([address, value]): NamedHost => {
    const field = new Field(path, `host.${quoted(address)}`);
    const entry = table(value, field);
    return { ...settings(entry, field), api: apiRoot(address, entry.override_path === true, field) };
  });
  const own = new Field(path, '');
  const server = root.server === undefined ? undefined : string(root.server, own.of('server'));
  const api = server ? apiRoot(server, root.override_path === true, own.of('server')) : undefined;
  return { hosts, server: { ...settings(root, own), api } };
}

function parseToml(text: string, path: string): Table {
  try {
    return parse(text);
  } catch (error) {
    const { message, line } = error as TomlError;
    const [reason = ''] = message.replace(/^Invalid TOML document: /, '').split('\n');
    throw new Field(path, line === undefined ? '' : `line ${line}`).refuse(reason, 'correct the TOML');
  }
}

function settings(entry: Table, field: Field): HostSettings {
  return {
    capabilities: readCapabilities(entry.capabilities, field.of('capabilities')),
    ca: entry.ca === undefined ? [] : files(entry.ca, field.of('ca')),
    client: clientPairs(entry.client, field.of('client')),
    skipVerify: entry.skip_verify === undefined ? undefined : boolean(entry.skip_verify, field.of('skip_verify')),
    header: Object.fromEntries(
      Object.entries(table(entry.header, field.of('header'))).map(([name, value]) => [name, strings(value, field.of(`header.${name}`))]),
    ),
    dialTimeoutMs:
      entry.dial_timeout === undefined ? defaultSettings.dialTimeoutMs : milliseconds(entry.dial_timeout, field.of('dial_timeout')),
    proxy: entry.proxy === undefined ? undefined : proxy(entry.proxy, field.of('proxy')),
  };
}

/** `/v2` is added unless the address ends with it or `override_path` says that it is the root already. */
function apiRoot(address: string, overridePath: boolean, field: Field): string {
  const url = URL.parse(address.includes('://') ? address : `https://${address}`);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.search)
    throw field.refuse(`${quoted(address)} is no address of a registry`, 'write https://HOST or https://HOST:PORT/PATH');
  const path = url.pathname.replace(/\/+$/, '');
  return `${url.origin}${overridePath || path.endsWith('/v2') ? path : `${path}/v2`}`;
}

function readCapabilities(value: unknown, field: Field): Capability[] {
  const listed = value === undefined ? [] : strings(value, field).map((name) => name.toLowerCase());
  if (listed.length === 0) return defaultSettings.capabilities;
  return listed.map((name) => {
    const known = capabilities.find((capability) => capability === name);
    if (known) return known;
    throw field.refuse(`there is no capability ${quoted(name)}`, `use ${capabilities.join(', ')}`);
  });
}

/** A path, a list of paths, or a list of pairs of certificate and key, of which the key may be empty: it is in the same file. */
function clientPairs(value: unknown, field: Field): HostSettings['client'] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((pair) => {
    const [cert, key, ...more] = Array.isArray(pair) ? pair.map((path) => string(path, field)) : [string(pair, field), ''];
    if (!cert || key === undefined || more.length > 0)
      throw field.refuse(`${quoted(pair)} is no pair`, 'write [["client.cert", "client.key"]]');
    return { cert: field.path(cert), key: field.path(key || cert) };
  });
}

function files(value: unknown, field: Field): string[] {
  return strings(value, field).map((path) => field.path(path));
}

/** Durations as Go writes them: `1s`, `500ms`, `1m30s`. */
function milliseconds(value: unknown, field: Field): number {
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const text = string(value, field);
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) throw field.refuse(`${quoted(text)} is no duration`, 'write 500ms, 10s or 1m');
  const parts = [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0);
}

function proxy(value: unknown, field: Field): string {
  const url = URL.parse(string(value, field));
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/') return url.href;
  throw field.refuse('it is no address of an HTTP proxy', 'write http://HOST:PORT; SOCKS proxies are not supported');
}

function strings(value: unknown, field: Field): string[] {
  return (Array.isArray(value) ? value : [value]).map((item) => string(item, field));
}

function string(value: unknown, field: Field): string {
  if (typeof value === 'string') return value;
  throw field.refuse('it is no string', 'put it in quotes');
}

function boolean(value: unknown, field: Field): boolean {
  if (typeof value === 'boolean') return value;
  throw field.refuse('it is neither true nor false', 'write true or false, without quotes');
}

function table(value: unknown, field: Field): Table {
  if (value === undefined) return {};
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Table;
  throw field.refuse('it is no table', `write [${field.name}] and its fields below it`);
}

/** A place in the file, for errors. */
class Field {
  readonly name: string;
  readonly #file: string;

  constructor(file: string, name: string) {
    this.#file = file;
    this.name = name;
  }

  of(name: string): Field {
    return new Field(this.#file, this.name ? `${this.name}.${name}` : name);
  }

  /** Relative paths start at the file's directory. */
  path(path: string): string {
    return resolve(dirname(this.#file), path);
  }

  refuse(what: string, hint: string): PluginError {
    return new PluginError('FAILED_PRECONDITION', this.name ? `${this.name}: ${what}` : what, { object: this.#file, hint });
  }
}
