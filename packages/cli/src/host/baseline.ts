import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

export const baselineSchema = z.object({
  links: z.array(z.string()),
  /** `family name` of each nftables table. */
  tables: z.array(z.string()),
  /** sysctl path below /proc/sys -> value. */
  sysctls: z.record(z.string(), z.string()),
});

/**
 * What a node's network plugins change on the host and, as the reference ones too, leave behind: bridges, tables
 * without rules, forwarding. Taken at the node's start, so that its end can remove what was absent then.
 */
export type Baseline = z.infer<typeof baselineSchema>;

const forwardingSwitches = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'];

/**
 * Reads the host's links, nftables tables and forwarding switches, and of those of `bridges` that are there already whether they
 * route localhost. Linux only; missing tools count as nothing there.
 */
export function takeBaseline(bridges: string[] = []): Baseline {
  const sysctls: Record<string, string> = {};
  for (const name of [...forwardingSwitches, ...bridges.map((bridge) => `net/ipv4/conf/${bridge}/route_localnet`)]) {
    const value = readSysctl(name);
    if (value !== undefined) sysctls[name] = value;
  }
  return { links: links(), tables: tables(), sysctls };
}

/** Deletes `bridges` that were absent and have no port left, and tables that were absent and serve nobody any more. */
export function removeLeftovers(baseline: Baseline, bridges: string[]): void {
  for (const bridge of bridges) {
    if (!baseline.links.includes(bridge) && ports(bridge) === 0) run('ip', ['link', 'delete', bridge]);
  }
  for (const table of tables()) {
    if (!baseline.tables.includes(table) && !isInUse(table)) run('nft', ['delete', 'table', ...table.split(' ')]);
  }
}

/** Sets forwarding back to what it was, unless links came that aren't the node's: somebody else may need it. */
export function restoreSwitches(baseline: Baseline): void {
  if (links().some((link) => !baseline.links.includes(link))) return;
  for (const [name, value] of Object.entries(baseline.sysctls)) {
    const present = readSysctl(name);
    if (present !== undefined && present !== value) writeFileSync(`/proc/sys/${name}`, value);
  }
}

/** A node's network before this one. */
interface EarlierNode {
  /** It undoes at its end what it has made. */
  runs: boolean;
  bridge: string;
  baseline: Baseline;
}

/** What the host was like before the first of several nodes, given the baseline of this one and those of nodes that run, or left something. */
export function earliestBaseline(own: Baseline, earlier: readonly EarlierNode[]): Baseline {
  const others = earlier.map(({ baseline }) => baseline);
  const absentBefore = (table: string): boolean => others.some(({ tables }) => !tables.includes(table));
  const isLeft = (link: string): boolean =>
    earlier.some((each) => !each.runs && each.bridge === link && !each.baseline.links.includes(link));
  return {
    links: own.links.filter((link) => !isLeft(link)),
    tables: own.tables.filter((table) => !absentBefore(table)),
    sysctls: Object.assign({}, own.sysctls, ...others.map(({ sysctls }) => sysctls)),
  };
}

function links(): string[] {
  const listed = run('ip', ['-j', 'link', 'show']);
  return listed ? (JSON.parse(listed) as { ifname: string }[]).map((link) => link.ifname) : [];
}

function ports(bridge: string): number {
  const listed = run('ip', ['-j', 'link', 'show', 'master', bridge]);
  return listed === undefined ? -1 : (JSON.parse(listed || '[]') as unknown[]).length;
}

function tables(): string[] {
  const listed = run('nft', ['list', 'tables']) ?? '';
  return listed
    .split('\n')
    .map((line) => line.replace(/^table /, '').trim())
    .filter(Boolean);
}

const chainsOfPorts = ['hostports', 'hostip_hostports', 'masquerading'];

/** The chains in which plugins, ours and the reference's, keep rules of pods; the rest of those tables only leads there. */
const chainsOfPods: Record<string, string[]> = {
  'inet cni_plugins_masquerade': ['masq_checks'],
  'ip cni_hostport': chainsOfPorts,
  'ip6 cni_hostport': chainsOfPorts,
};

function isInUse(table: string): boolean {
  const listed = run('nft', ['-j', 'list', 'table', ...table.split(' ')]);
  if (!listed) return true;
  const { nftables } = JSON.parse(listed) as { nftables: { rule?: { chain: string }; element?: unknown }[] };
  const chains = chainsOfPods[table];
  return nftables.some(({ rule, element }) => element !== undefined || (rule !== undefined && (chains?.includes(rule.chain) ?? true)));
}

function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function run(program: string, args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 });
  } catch {
    return undefined;
  }
}
