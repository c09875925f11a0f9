import { readFile } from 'node:fs/promises';
import { formatPrefix, networkOf, parsePrefix } from '@berth/sdk/cni/address';
import { invalid } from '@berth/sdk/cni/keys';
import { CniError, errorCodes } from '@berth/sdk/cni/types';

/** What flanneld says of the network and this host's part of it (flannel, pkg/subnet/subnet.go). Prefixes are those of networks. */
export interface SubnetEnv {
  /** The whole network's prefixes: IPv4 before IPv6. */
  networks: string[];
  /** This host's: one of each family at most, IPv4 first. */
  subnets: string[];
  mtu: number;
  /** Does flanneld masquerade what leaves the network? */
  ipMasq: boolean;
}

/** The codes of errors about the file. */
interface Codes {
  missing: number;
  broken: number;
}

const addCodes: Codes = { missing: errorCodes.tryAgainLater, broken: errorCodes.decodingFailure };

/** The codes of STATUS: either way no container can be added. */
export const statusCodes: Codes = { missing: errorCodes.notAvailable, broken: errorCodes.notAvailable };

/**
 * Reads the file, which `subnetFile` names. Throws a CniError: code 11 where it is missing, 6 where it is broken, unless `codes` says otherwise, and 7
 * where it is no file.
 */
export async function readSubnetEnv(file: string, codes = addCodes): Promise<SubnetEnv> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(file, cause, codes);
  });
  return parseSubnetEnv(text, file, codes.broken);
}

function unreadable(file: string, cause: NodeJS.ErrnoException, codes: Codes): CniError {
  const hint = 'name the file that flanneld writes';
  if (cause.code === 'EISDIR') return invalid('subnetFile', `must be a file, and ${file} is a directory`, hint);
  if (cause.code !== 'ENOENT') return new CniError(errorCodes.ioFailure, cause.message, { object: `subnet file ${file}`, hint, cause });
  return new CniError(codes.missing, "isn't there: flanneld isn't ready", {
    object: `subnet file ${file}`,
    hint: 'wait until flanneld runs on this host, or set subnetFile to where it writes the file',
  });
}

/** Lines that are none of flannel's are passed over. */
function parseSubnetEnv(text: string, file: string, code: number): SubnetEnv {
  const variables = new Variables(text, file, code);
  const networks = [...(variables.networks('FLANNEL_NETWORK', 4) ?? []), ...(variables.networks('FLANNEL_IPV6_NETWORK', 6) ?? [])];
  const subnets = [variables.network('FLANNEL_SUBNET', 4), variables.network('FLANNEL_IPV6_SUBNET', 6)].filter(
    (subnet) => subnet !== undefined,
  );
  const mtu = variables.read('FLANNEL_MTU', (value) => (/^\d{1,5}$/.test(value) ? Number(value) : undefined), 'a number of bytes');
  const ipMasq = variables.read('FLANNEL_IPMASQ', (value) => ({ true: true, false: false })[value], 'true or false');
  return {
    networks: variables.required(networks.length > 0 ? networks : undefined, 'FLANNEL_NETWORK or FLANNEL_IPV6_NETWORK'),
    subnets: variables.required(subnets.length > 0 ? subnets : undefined, 'FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET'),
    mtu: variables.required(mtu, 'FLANNEL_MTU'),
    ipMasq: variables.required(ipMasq, 'FLANNEL_IPMASQ'),
  };
}

/** The lines `NAME=VALUE` of a file; errors name it and the line. */
class Variables {
  readonly #file: string;
  readonly #code: number;
  readonly #values = new Map<string, { value: string; line: number }>();

  constructor(text: string, file: string, code: number) {
    this.#file = file;
    this.#code = code;
    for (const [index, line] of text.split('\n').entries()) {
      const [, name, value = ''] = /^(FLANNEL_\w+)(?:=(.*?))?\s*$/.exec(line) ?? [];
      if (name !== undefined) this.#values.set(name, { value, line: index + 1 });
    }
  }

  /** What `parse` makes of a value; undefined where the file doesn't have the variable. */
  read<T>(name: string, parse: (value: string) => T | undefined, rule: string): T | undefined {
    const found = this.#values.get(name);
    if (!found) return undefined;
    const parsed = parse(found.value);
    if (parsed === undefined) throw this.#wrong(`${name} must be ${rule}, and is ${JSON.stringify(found.value)}`, `, line ${found.line}`);
    return parsed;
  }

  network(name: string, family: 4 | 6): string | undefined {
    return this.read(name, (value) => networkIn(value, family), `a prefix of IPv${family}, like ${examples[family]}`);
  }

  /** The networks of a list; each once. */
  networks(name: string, family: 4 | 6): string[] | undefined {
    const parse = (value: string) => {
      const networks = value.split(',').map((each) => networkIn(each, family));
      return networks.every((network) => network !== undefined) ? [...new Set(networks)] : undefined;
    };
    return this.read(name, parse, `prefixes of IPv${family}, like ${examples[family]}`);
  }

  required<T>(value: T | undefined, name: string): T {
    if (value === undefined) throw this.#wrong(`lacks ${name}`);
    return value;
  }

  #wrong(what: string, where = ''): CniError {
    return new CniError(this.#code, what, { object: `subnet file ${this.#file}${where}`, hint: 'restart flanneld, which writes it' });
  }
}

const examples = { 4: '10.244.1.0/24', 6: 'fd00:10:244:1::/64' };

function networkIn(text: string, family: 4 | 6): string | undefined {
  const prefix = parsePrefix(text);
  return prefix?.address.family === family ? formatPrefix(networkOf(prefix)) : undefined;
}
