import type { Clause } from '../clause-table.ts';

/** The verbs, and the version of the specification that each came with. */
export const verbs: Record<string, string> = { ADD: '0.1.0', DEL: '0.1.0', VERSION: '0.2.0', CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' };

/**
 * What is said to a plugin, and what it says: the variables of its environment, the keys of its standard input and those of its output
 * (SPEC.md 1.1.0, sections 2 and 5; of 0.2.0 for `ip4` and `ip6`).
 */
export const vocabulary: Record<string, string[]> = {
  Environment: ['CNI_COMMAND', 'CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_ARGS', 'CNI_PATH'],
  Configuration: ['cniVersion', 'name', 'type', 'args', 'dns', 'ipam', 'prevResult', 'runtimeConfig', 'cni.dev/valid-attachments'],
  RuntimeConfig: ['portMappings', 'ips', 'mac'],
  Result: ['cniVersion', 'interfaces', 'ips', 'routes', 'dns', 'ip4', 'ip6'],
  Interface: ['name', 'mac', 'mtu', 'sandbox'],
  Address: ['address', 'gateway', 'interface', 'version'],
  Route: ['dst', 'gw'],
  Dns: ['nameservers', 'domain', 'search', 'options'],
  Error: ['cniVersion', 'code', 'msg', 'details'],
  Version: ['cniVersion', 'supportedVersions'],
};

/** Rules that belong to no single word of the vocabulary. */
const rules: Record<string, string[]> = {
  ErrorCode: ['1', '4', '6', '7', '11', '50'],
  Delegation: ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'environment', 'failure'],
  Execution: ['stdout', 'stderr', 'parallel', 'killed'],
};

/** What the CNI specification defines, by the names that the cases name it by. */
export function cniClauses(): Clause[] {
  const parts = Object.entries({ ...vocabulary, ...rules }).flatMap(([of, names]) => names.map((name) => ({ name: `${of}.${name}`, of })));
  return [...Object.keys(verbs).map((name) => ({ name, of: 'verbs' })), ...parts];
}
