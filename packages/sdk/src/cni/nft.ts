import { spawnSync } from 'node:child_process';
import { type ProgramEnd, runBeside } from './run-beside.ts';
import { CniError, errorCodes } from './types.ts';

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

const timeLimitMs = 30_000;

/** Runs nft in the caller's network namespace, with `script` on its stdin, and returns what it printed, or why it failed. */
export function tryNft(parameters: string[], script = ''): string | NftFailure {
  const options = { input: script, encoding: 'utf8', timeout: timeLimitMs, maxBuffer: 64 * 1024 * 1024 } as const;
  return outcomeOf(spawnSync('nft', parameters, options));
}

function outcomeOf({ error, status, stdout, stderr }: ProgramEnd): string | NftFailure {
  if (error && (error as NodeJS.ErrnoException).code === 'ENOENT') return { reason: 'is not on PATH', notInstalled: true };
  // nft that fails at once leaves the script unread, and says why.
  if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') {
    throw new CniError(errorCodes.ioFailure, error.message, { object: 'nft', cause: error });
  }
  return status === 0 ? stdout : { reason: stderr.trim().slice(0, 500) || `exit status ${status}`, notInstalled: false };
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
export function runNft(script: string, subject: ScriptSubject): void {
  checkDone(tryNft(['-f', '-'], script), subject);
}

/** As `runNft`, beside what the caller does next. */
export async function runNftBeside(script: string, subject: ScriptSubject): Promise<void> {
  checkDone(await tryNftBeside([script]), subject);
}

/** As `tryNft`, beside what the caller does next. A parameter may be a script. */
export async function tryNftBeside(parameters: string[]): Promise<string | NftFailure> {
  return outcomeOf(await runBeside('nft', parameters));
}

function checkDone(outcome: string | NftFailure, { object, withoutNft = 'install nftables' }: ScriptSubject): void {
  if (typeof outcome === 'string') return;
  if (outcome.notInstalled) throw new CniError(errorCodes.ioFailure, outcome.reason, { object: 'nft', hint: withoutNft });
  throw new CniError(errorCodes.ioFailure, outcome.reason, { object });
}

/** The rules of the tables of that name, of every address family. None where there are no such tables, or no nft that could have made them. */
export function listNftRules(table: string): NftRule[] {
  const families = listed<{ family: string; name: string }>('table', ['list', 'tables']).filter(({ name }) => name === table);
  return families.flatMap(({ family }) =>
    listed<NftRule>('rule', ['list', 'table', family, table]).map((rule) => ({ ...rule, expr: rule.expr ?? [] })),
  );
}

/** The objects of one kind in a listing. A table may go between two listings: there is nothing in it then. */
function listed<T>(kind: string, command: string[]): T[] {
  const outcome = tryNft(['--json', '--numeric', ...command]);
  if (typeof outcome !== 'string') {
    if (outcome.notInstalled || outcome.reason.includes('No such file')) return [];
    throw new CniError(errorCodes.ioFailure, outcome.reason, { object: `nft ${command.join(' ')}` });
  }
  const { nftables } = JSON.parse(outcome || '{"nftables":[]}') as { nftables: Record<string, T | undefined>[] };
  return nftables.flatMap((object) => object[kind] ?? []);
}
