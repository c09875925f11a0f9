import { isIP } from 'node:net';

/** Each check answers with Kubernetes' own sentences about what is wrong with a name; none means that it is right. */
export type NameCheck = (name: string) => string[];

/** The longest DNS label, and with it the longest container or volume name. */
export const dnsLabelMaxLength = 63;
/** The longest DNS subdomain, and with it the longest name of most objects. */
export const dnsSubdomainMaxLength = 253;

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const qualified = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const dnsLabelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const dnsSubdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const qualifiedText =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const labelValueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** A DNS-1123 label: names of containers, volumes, namespaces. */
export const checkDnsLabel: NameCheck = (name) => [
  ...tooLong(name, dnsLabelMaxLength),
  ...matches(name, label, dnsLabelText, "e.g. 'my-name',  or '123-abc'"),
];

/** A DNS-1123 subdomain: names of pods, secrets, runtime classes. */
export const checkDnsSubdomain: NameCheck = (name) => [
  ...tooLong(name, dnsSubdomainMaxLength),
  ...matches(name, subdomain, dnsSubdomainText, "e.g. 'example.com'"),
];

/** A key of a label, annotation or taint: a name with an optional DNS prefix. */
export const checkQualifiedName: NameCheck = (key) => {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2) {
    return [
      `a qualified name must consist of alphanumeric characters, '-', '_' or '.', with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const problems = parts.length === 2 ? prefixProblems(parts[0] ?? '') : [];
  if (name === '') return [...problems, 'name part must be non-empty'];
  const length = name.length > 63 ? ['name part must be no more than 63 characters'] : [];
  return [...problems, ...length, ...matches(name, qualified, qualifiedText, "e.g. 'MyName',  or 'my.name',  or '123-abc'")];
};

/** The value of a label. */
export const checkLabelValue: NameCheck = (value) => [
  ...tooLong(value, 63),
  ...matches(value, `(${qualified})?`, labelValueText, "e.g. 'MyValue',  or 'my_value',  or '12345'"),
];

/** The name of an environment variable: any printable ASCII but `=`. */
export const checkEnvVarName: NameCheck = (name) =>
  name === ''
    ? ['environment variable name must be non-empty']
    : /^[ -<>-~]+$/.test(name)
      ? []
      : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];

/** The key of a config map or a secret. */
export const checkConfigMapKey: NameCheck = (key) => {
  const length = tooLong(key, dnsSubdomainMaxLength);
  if (key === '.' || key === '..' || key.startsWith('..')) return [...length, `must not be '.', '..' or start with '..'`];
  return [
    ...length,
    ...matches(
      key,
      '[-._a-zA-Z0-9]+',
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
      "e.g. 'key.name',  or 'KEY_NAME',  or 'key-name'",
    ),
  ];
};

/** The name of a port (IANA service name): at most 15 characters with a letter among them. */
export const checkPortName: NameCheck = (name) => [
  ...(name.length > 15 ? ['must be no more than 15 characters'] : []),
  ...(/^[a-z0-9-]*$/.test(name) ? [] : ['must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)']),
  ...(/[a-z]/.test(name) ? [] : ['must contain at least one letter (a-z)']),
  ...(name.includes('--') ? ['must not contain consecutive hyphens'] : []),
  ...(/^-|-$/.test(name) ? ['must not begin or end with a hyphen'] : []),
];

/** A port number. */
export function checkPortNumber(port: number): string[] {
  return Number.isInteger(port) && port >= 1 && port <= 65535 ? [] : ['must be between 1 and 65535, inclusive'];
}

/** An IPv4 or IPv6 address. */
export const checkIp: NameCheck = (address) =>
  isIP(address) === 0 || address.includes('%') ? ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'] : [];

function prefixProblems(prefix: string): string[] {
  if (prefix === '') return ['prefix part must be non-empty'];
  return checkDnsSubdomain(prefix).map((problem) => `prefix part ${problem}`);
}

function tooLong(name: string, limit: number): string[] {
  return name.length > limit ? [`must be no more than ${limit} characters`] : [];
}

function matches(name: string, pattern: string, text: string, examples: string): string[] {
  return new RegExp(`^${pattern}$`).test(name) ? [] : [`${text} (${examples}, regex used for validation is '${pattern}')`];
}
