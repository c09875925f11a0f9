import { runBeside } from './run-beside.ts';
import { CniError, errorCodes } from './types.ts';

/** The version of IP whose tables are meant: iptables or ip6tables. */
export type IpFamily = 4 | 6;

const programs = { 4: 'iptables', 6: 'ip6tables' } as const;

/** How often a change is planned anew where other programs were faster. */
const attempts = 5;

/**
 * The chains and rules of a table, a line each as `iptables -S` writes them. Undefined where no iptables is on PATH, or none that works with
 * this kernel and what is in the table: it can have made nothing there.
 */
export async function listIptables(family: IpFamily, table: string): Promise<string[] | undefined> {
  const program = programs[family];
  const { error, status, stdout, stderr } = await runBeside(program, ['--wait', '-t', table, '-S']);
  if (isMissing(error)) return undefined;
  if (status === 0) return linesOf(stdout);
  if (/can't initialize|Failed to initialize nft|does not exist|is incompatible/.test(stderr)) return undefined;
  throw new CniError(errorCodes.ioFailure, error?.message ?? reasonIn(stderr), { object: `${program}, table ${table}` });
}

/**
 * Changes a table by commands as `iptables -S` writes them (`-A CHAIN ...`, `-D`, `-N`, `-F`, `-X`): all of them at once or none. `object` names
 * the work in messages.
 */
export async function changeIptables(family: IpFamily, table: string, commands: string[], object: string): Promise<void> {
  const failed = await tryIptables(family, table, commands);
  if (failed !== undefined) throw new CniError(errorCodes.ioFailure, failed, { object });
}

/**
 * Changes a table by the commands that `plan` makes of its listing; they are planned anew where another program has changed the table meanwhile.
 * Without iptables the listing is empty: commands are an error then, and none are none. `listed`: a listing that the caller has already.
 */
export async function editIptables(
  family: IpFamily,
  table: string,
  plan: (rules: string[]) => string[],
  object: string,
  listed?: string[],
): Promise<void> {
  let rules = listed ?? (await listIptables(family, table)) ?? [];
  for (let left = attempts; ; left--) {
    const commands = plan(rules);
    const failed = commands.length === 0 ? undefined : await tryIptables(family, table, commands);
    if (failed === undefined) return;
    const before = rules;
    rules = (await listIptables(family, table)) ?? [];
    if (left === 1 || rules.join('\n') === before.join('\n')) throw new CniError(errorCodes.ioFailure, failed, { object });
  }
}

/** The first of `rules` (`CHAIN ...`) that isn't in the table, or its chain, or why they can't be looked for; undefined where all are there. */
export async function missingInIptables(family: IpFamily, table: string, rules: string[]): Promise<string | undefined> {
  const failed = await tryIptables(
    family,
    table,
    rules.map((rule) => `-C ${rule}`),
  );
  const [, chain] = /Chain '([^']+)' does not exist/.exec(failed ?? '') ?? [];
  if (chain !== undefined) return `chain ${chain}`;
  const [, line] = /line (\d+) failed/.exec(failed ?? '') ?? [];
  // The first line names the table.
  return line === undefined ? failed : `rule ${rules[Number(line) - 2] ?? ''}`;
}

/**
 * Why iptables takes no rule with `conditions` behind `matches`, in words; undefined where it takes them, or doesn't take the matches alone either.
 * Nothing is changed.
 */
export async function whyRefusedByIptables(
  family: IpFamily,
  table: string,
  matches: string,
  conditions: string,
): Promise<string | undefined> {
  const test = (rule: string) => tryIptables(family, table, [':CNI-TEST - [0:0]', `-A CNI-TEST ${rule} -j RETURN`], ['--test']);
  const refused = await test(`${matches} ${conditions}`);
  return refused !== undefined && (await test(matches)) === undefined ? refused : undefined;
}

/** What is wrong where `listIptables` gives undefined. */
export function whyUnusable(table: string): string {
  return `is not on PATH, or works neither with this kernel nor with what nft has put into table ${table}`;
}

/** The commands that remove a chain and all jumps to it, of a listing; none where it isn't there. */
export function chainRemoval(rules: string[], chain: string): string[] {
  if (!rules.includes(`-N ${chain}`)) return [];
  const jumps = rules.filter((rule) => rule.startsWith('-A ') && rule.endsWith(` -j ${chain}`));
  return [...jumps.map((rule) => `-D ${rule.slice('-A '.length)}`), `-F ${chain}`, `-X ${chain}`];
}

/** A word of a command: in quotes where iptables-restore would split it otherwise. It holds no line break. */
export function iptablesWord(text: string): string {
  return /^[\w!@%+=:,./[\]-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * The chain that the reference plugins give one container on one network: `CNI-`, what it is for (`DN-` for port mappings, nothing for
 * masquerading), and a hash, 28 characters together.
 */
export function containerChain(purpose: string, network: string, containerId: string): string {
  // Loaded on need: it costs a Bun executable 2 ms.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `CNI-${purpose}${createHash('sha512').update(`${network}${containerId}`).digest('hex')}`.slice(0, 28);
}

/** Runs commands on a table, all or none. Returns why nothing was done, if so. */
async function tryIptables(family: IpFamily, table: string, commands: string[], options: string[] = []): Promise<string | undefined> {
  const program = `${programs[family]}-restore`;
  const input = [`*${table}`, ...commands, 'COMMIT', ''].join('\n');
  const { error, status, stderr } = await runBeside(program, ['--wait', '--noflush', ...options], { input });
  if (isMissing(error)) throw new CniError(errorCodes.ioFailure, 'is not on PATH', { object: program, hint: 'install iptables' });
  if (!error && status === 0) return undefined;
  return error?.message ?? (reasonIn(stderr) || `exit status ${status}`);
}

function isMissing(error: Error | undefined): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

/** What a program complains of, without its advice on usage. */
function reasonIn(stderr: string): string {
  return linesOf(stderr)
    .filter((line) => !/^(Try|Error occurred)/.test(line))
    .join('; ')
    .slice(0, 500);
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
