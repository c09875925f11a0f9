import { type ProgramEnd, reasonOf, runBeside } from './run-beside.ts';
import { CniError, errorCodes } from './types.ts';

/** What nft calls the families of IP. */
export const familyKeyword = { 4: 'ip', 6: 'ip6' } as const;

/** Why nft did nothing. */
export interface NftFailure {
  reason: string;
  /** There is no nft on PATH. */
  notInstalled: boolean;
}

/** A rule as `nft --json` lists it; `expr` are its statements in order, one key each (libnftables-json(5)). */
export interface NftRule {
  family: string;
  table: string;
  chain: string;
  /** Names the rule within its table. */
  handle: number;
  comment?: string;
  expr: Record<string, unknown>[];
}

/**
 * Runs nft in the caller's network namespace, with `script` on its stdin, and gives what it printed, or why it failed. A short script may be
 * a parameter as well.
 */
export async function tryNftBeside(parameters: string[], script = ''): Promise<string | NftFailure> {
  return outcomeOf(await runBeside('nft', parameters, { input: script }));
}

function outcomeOf(end: ProgramEnd): string | NftFailure {
  const { error, status, stdout } = end;
  if (error && (error as NodeJS.ErrnoException).code === 'ENOENT') return { reason: 'is not on PATH', notInstalled: true };
  if (error) throw new CniError(errorCodes.ioFailure, error.message, { object: 'nft', cause: error });
  return status === 0 ? stdout : { reason: reasonOf(end).slice(0, 500), notInstalled: false };
}

/** What scripts are about, and what to do where there is no nft. */
interface ScriptSubject {
  object: string;
  withoutNft?: string;
}

/**
 * Runs a script, which takes effect as a whole or not at all. Throws a CniError (code 5): of `object`, with what nft said, or
 * with the hint `withoutNft` where there is no nft.
 */
export async function runNftBeside(script: string, { object, withoutNft = 'install nftables' }: ScriptSubject): Promise<void> {
  const outcome = await tryNftBeside(['-f', '-'], script);
  if (typeof outcome === 'string') return;
  if (outcome.notInstalled) throw new CniError(errorCodes.ioFailure, outcome.reason, { object: 'nft', hint: withoutNft });
  throw new CniError(errorCodes.ioFailure, outcome.reason, { object });
}

/** What a table holds, as far as plugins use it. */
export interface NftTable {
  /** By name, the base chains among them. */
  chains: string[];
  rules: NftRule[];
}

/** How often a change is planned anew where other programs were faster. */
const attempts = 5;

/** What nft says of a kernel in which nothing can be, since it has no nf_tables. */
const withoutNftables =
  /Unable to initialize Netlink socket: Protocol not supported|cache initialization failed: (Invalid argument|(Protocol|Operation) not supported)/;

/** The chains and rules of a table. None where there is no such table, or no nft and kernel that could have made it. */
async function listNftTable(family: string, table: string): Promise<NftTable> {
  const command = ['list', 'table', family, table];
  const outcome = await tryNftBeside(['--json', '--numeric', ...command]);
  if (typeof outcome !== 'string') {
    if (outcome.notInstalled || outcome.reason.includes('No such file') || withoutNftables.test(outcome.reason)) {
      return { chains: [], rules: [] };
    }
    throw new CniError(errorCodes.ioFailure, outcome.reason, { object: `nft ${command.join(' ')}` });
  }
  const { nftables } = JSON.parse(outcome || '{"nftables":[]}') as { nftables: { chain?: { name: string }; rule?: NftRule }[] };
  return {
    chains: nftables.flatMap(({ chain }) => chain?.name ?? []),
    rules: nftables.flatMap(({ rule }) => (rule ? [{ ...rule, expr: rule.expr ?? [] }] : [])),
  };
}

/** The rules of a table, as `listNftTable` gives them. */
export async function listNftRules(family: string, table: string): Promise<NftRule[]> {
  return (await listNftTable(family, table)).rules;
}

/**
 * As `tryNftBeside`, of commands as JSON (libnftables-json(5)), which names a chain by any text; nft's own language has no quotes for names. They
 * are a parameter, of at most 128 KiB: nft reads no JSON from a socket, which a child's stdin is.
 */
export async function tryNftCommands(commands: object[]): Promise<string | NftFailure> {
  return tryNftBeside(['--json', JSON.stringify({ nftables: commands })]);
}

/** The command (libnftables-json(5)) that deletes a listed rule. */
export function nftRuleDeletion({ family, table, chain, handle }: NftRule): object {
  return { delete: { rule: { family, table, chain, handle } } };
}

/** None is longer than 400 bytes: the kernel takes names of 128. */
const commandsAtOnce = 300;

/**
 * Changes a table by the commands (libnftables-json(5)) that `plan` makes of its listing: up to 300 of them all or none, more in several steps. They
 * are planned anew where another program was faster. Says whether there were any. Throws a CniError (code 5) of `object`.
 */
export async function editNftTable(family: string, table: string, plan: (listed: NftTable) => object[], object: string): Promise<boolean> {
  let edited = false;
  for (let left = attempts; ; ) {
    const commands = plan(await listNftTable(family, table));
    if (commands.length === 0) return edited;
    edited = true;
    const outcome = await tryNftCommands(commands.slice(0, commandsAtOnce));
    if (typeof outcome === 'string') {
      if (commands.length <= commandsAtOnce) return true;
    } else {
      left -= 1;
      if (left === 0 || !/No such file|resource busy/.test(outcome.reason)) {
        throw new CniError(errorCodes.ioFailure, outcome.reason, { object });
      }
    }
  }
}
