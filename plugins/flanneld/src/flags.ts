import { PluginError } from '@berth/sdk/errors';

/** What a flag takes: a boolean one stands alone or with `=true` or `=false`; a list may be given several times. */
type Kind = 'boolean' | 'string' | 'integer' | 'list';

interface Flag {
  kind: Kind;
  default: boolean | string | number | readonly string[];
  help: string;
  /** Of an integer; the smallest and the largest. */
  range?: readonly [min: number, max: number];
}

const flags = {
  'etcd-endpoints': { kind: 'string', default: 'http://127.0.0.1:4001,http://127.0.0.1:2379', help: 'etcd endpoints, "," between them' },
  'etcd-prefix': { kind: 'string', default: '/coreos.com/network', help: "prefix of the network's keys in etcd" },
  'etcd-cafile': { kind: 'string', default: '', help: "PEM certificates of the authorities that sign etcd's certificate" },
  'etcd-certfile': { kind: 'string', default: '', help: 'PEM certificate to show to etcd' },
  'etcd-keyfile': { kind: 'string', default: '', help: 'PEM private key of that certificate' },
  'etcd-username': { kind: 'string', default: '', help: 'user of etcd' },
  'etcd-password': { kind: 'string', default: '', help: 'password of that user' },
  iface: { kind: 'list', default: [], help: 'interface (name or IP address) to the other hosts; may be repeated, the first match counts' },
  'iface-regex': { kind: 'list', default: [], help: 'regular expression for its addresses, or else its name; may be repeated' },
  'iface-can-reach': { kind: 'string', default: '', help: 'take the interface by which this IP address is reached' },
  'public-ip': { kind: 'string', default: '', help: 'IPv4 address at which other hosts reach this one' },
  'public-ipv6': { kind: 'string', default: '', help: 'IPv6 address at which other hosts reach this one' },
  'subnet-file': { kind: 'string', default: '/run/flannel/subnet.env', help: 'file that CNI plugins read' },
  'subnet-lease-renew-margin': {
    kind: 'integer',
    default: 60,
    range: [1, 24 * 60 - 1],
    help: 'minutes before its end at which the lease is renewed, 1 to 1439',
  },
  'ip-masq': { kind: 'boolean', default: false, help: 'masquerade what pods send out of the network' },
  'iptables-resync': { kind: 'integer', default: 5, range: [1, 24 * 60 * 60], help: 'seconds between two looks at the firewall rules' },
  'iptables-forward-rules': { kind: 'boolean', default: true, help: 'let packets of the network be forwarded' },
  'kube-subnet-mgr': { kind: 'boolean', default: false, help: 'not there yet: subnets are kept in etcd' },
  'healthz-ip': { kind: 'string', default: '0.0.0.0', help: 'address of the health check' },
  'healthz-port': { kind: 'integer', default: 0, range: [0, 65535], help: 'port of the health check; 0 for none' },
  v: { kind: 'integer', default: 0, help: 'log level; from 1 on all changes are logged' },
  version: { kind: 'boolean', default: false, help: 'print the version' },
  help: { kind: 'boolean', default: false, help: 'print this' },
} as const satisfies Record<string, Flag>;

type Name = keyof typeof flags;
type ValueOf<K extends Kind> = K extends 'boolean'
  ? boolean
  : K extends 'string'
    ? string
    : K extends 'integer'
      ? number
      : readonly string[];

/** flanneld's flags by their names. */
export type Flags = { [N in Name]: ValueOf<(typeof flags)[N]['kind']> };

/**
 * Reads the command line as flannel does: `-flag value`, `-flag=value`, and the same with two dashes; a flag that isn't given is taken from
 * the environment (`FLANNELD_ETCD_ENDPOINTS`). Throws INVALID_ARGUMENT that names the flag.
 */
export function parseFlags(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Flags {
  const given = givenFlags(argv);
  const read = Object.entries(flags).map(([name, flag]: [string, Flag]) => {
    const variable = environmentName(name);
    const fromEnvironment = env[variable];
    const texts = given.get(name as Name) ?? (fromEnvironment ? [fromEnvironment] : []);
    const object = given.has(name as Name) ? `flag -${name}` : variable;
    return [name, texts.length === 0 ? flag.default : readValue(flag, texts, object)];
  });
  return Object.fromEntries(read) as Flags;
}

/** What `-help` prints. */
export function usage(): string {
  const lines = Object.entries(flags).map(([name, flag]: [string, Flag]) => {
    const standard = String(flag.default) === '' ? '' : ` (default ${flag.default})`;
    return `  -${name}${flag.kind === 'boolean' ? '' : ` ${flag.kind === 'integer' ? 'number' : 'string'}`}\n    \t${flag.help}${standard}\n`;
  });
  return `Usage: flanneld [FLAG]...\nEach flag may also be an environment variable: FLANNELD_ETCD_ENDPOINTS for -etcd-endpoints.\n\n${lines.join('')}`;
}

function givenFlags(argv: readonly string[]): Map<Name, string[]> {
  const given = new Map<Name, string[]>();
  const rest = argv.values();
  for (const word of rest) {
    const [, name, inline] = /^--?([a-zA-Z][\w-]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) throw invalid(JSON.stringify(word), 'is no flag', 'write -NAME or -NAME=VALUE; -help lists the flags');
    if (!isName(name)) throw invalid(`flag -${name}`, 'is not one of flanneld', '-help lists the flags');
    const text = inline ?? (flags[name].kind === 'boolean' ? 'true' : rest.next().value);
    if (text === undefined) throw invalid(`flag -${name}`, 'needs a value', `write -${name}=VALUE`);
    given.set(name, [...(given.get(name) ?? []), text]);
  }
  return given;
}

function isName(name: string): name is Name {
  return Object.hasOwn(flags, name);
}

function environmentName(name: string): string {
  return `FLANNELD_${name.toUpperCase().replaceAll('-', '_')}`;
}

function readValue({ kind, range }: Flag, texts: string[], object: string): Flag['default'] {
  const text = texts.at(-1) ?? '';
  if (kind === 'list') return texts;
  if (kind === 'string') return text;
  if (kind === 'boolean') {
    if (/^(1|t|true)$/i.test(text)) return true;
    if (/^(0|f|false)$/i.test(text)) return false;
    throw invalid(object, `must be true or false, and is ${JSON.stringify(text)}`);
  }
  if (!/^\d{1,9}$/.test(text)) throw invalid(object, `must be a whole number, and is ${JSON.stringify(text)}`);
  const [min = 0, max = Number.MAX_SAFE_INTEGER] = range ?? [];
  const number = Number(text);
  if (number < min || number > max) throw invalid(object, `must be from ${min} to ${max}, and is ${number}`);
  return number;
}

function invalid(object: string, what: string, hint?: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object, ...(hint ? { hint } : {}) });
}
