import { enterNamespace } from './enter-namespace.ts';
import type { ProgramEnd } from './run-beside.ts';
import { reasonOf, runBeside } from './run-beside.ts';
import { CniError, errorCodes } from './types.ts';

/** One command of iproute2, without the leading `ip`: `['link', 'set', 'dev', 'eth0', 'up']`. */
export type IpCommand = readonly string[];

/** What `ip -json link show` and `ip -json address show` say of an interface; the fields that plugins need. */
export interface Link {
  ifname: string;
  address?: string;
  mtu?: number;
  flags?: string[];
  addr_info?: { family: string; local: string; prefixlen: number }[];
}

/** A batch that stopped: `command` is the one that failed, and `reason` what iproute2 said. */
export interface IpFailure {
  command: string;
  reason: string;
}

/**
 * Runs the commands in order, in one process, in the network namespace `netns` (a path; the caller's own without one), beside what the caller does
 * next. Returns what each `show` or `get` printed, or the first failure; the commands after it weren't run. Throws a CniError (code 5) where ip(8)
 * can't be run.
 */
export async function tryIpBatch<Shown = Link>(commands: readonly IpCommand[], netns?: string): Promise<Shown[][] | IpFailure> {
  const end = await runBatch(netns, ['ip', '-json'], commands);
  if (end.status === 0) return shownBy<Shown>(end.stdout);
  const [failed] = failuresOf('ip', end);
  // nsenter that fails leaves the batch unread, and says why.
  return failed ?? { command: end.program, reason: reasonOf(end) };
}

/** As `tryIpBatch`, but a failure is thrown as a CniError (code 5) that names the command and `object`. */
export async function ipBatch(object: string, commands: readonly IpCommand[], netns?: string): Promise<Link[][]> {
  const outcome = await tryIpBatch(commands, netns);
  if (Array.isArray(outcome)) return outcome;
  throw new CniError(errorCodes.ioFailure, `\`${outcome.command}\` failed: ${outcome.reason}`, { object });
}

/** Runs one program, of iproute2 or one that comes with it, in a network namespace, beside what the caller does next. */
export async function runInNamespace(netns: string | undefined, name: string, parameters: IpCommand): Promise<ProgramEnd> {
  return runIn(netns, [name, ...parameters]);
}

/** What became of a forced batch: what each `show` or `get` that succeeded printed, in their order, and what failed. */
export interface ForcedBatch<Shown> {
  shown: Shown[][];
  failures: IpFailure[];
}

/**
 * Runs commands of ip(8) or bridge(8) in one process, in the caller's network namespace, beside what the caller does next. One that fails
 * doesn't keep those after it from running. What is shown has iproute2's details. Throws a CniError (code 5) where the program can't be run.
 */
export async function forceBatch<Shown = Link>(program: 'ip' | 'bridge', commands: readonly IpCommand[]): Promise<ForcedBatch<Shown>> {
  if (commands.length === 0) return { shown: [], failures: [] };
  const end = await runBatch(undefined, [program, '-json', '-details', '-force'], commands);
  const failures: IpFailure[] = failuresOf(program, end);
  if (end.status !== 0 && failures.length === 0) failures.push({ command: program, reason: reasonOf(end) });
  return { shown: shownBy<Shown>(end.stdout), failures };
}

/** With the place of the command in its batch. */
interface NumberedFailure extends IpFailure {
  index: number;
}

/** The failures that a batch tells of, which is one where it wasn't forced: what is said of each stands before the line that has its number. */
function failuresOf(program: string, { batch, stderr }: EndedBatch): NumberedFailure[] {
  return [...stderr.matchAll(/([\s\S]*?)Command failed -:(\d+)/g)].map(([, said = '', number]) => ({
    index: Number(number) - 1,
    command: `${program} ${batch[Number(number) - 1] ?? ''}`,
    reason: said.trim() || 'it failed without a word',
  }));
}

/** Each `show` prints a line of its own. */
function shownBy<Shown>(stdout: string): Shown[][] {
  return stdout
    .split('\n')
    .filter((text) => text.startsWith('['))
    .map((text) => JSON.parse(text) as Shown[]);
}

/**
 * Runs commands of ip(8) or bridge(8) as `tryIpBatch` does. Returns the number of the command that failed, from 0, and why; undefined where none
 * did.
 */
export async function batchInNamespace(
  netns: string | undefined,
  name: 'ip' | 'bridge',
  commands: readonly IpCommand[],
): Promise<{ index: number; reason: string } | undefined> {
  const end = await runBatch(netns, [name], commands);
  if (end.status === 0) return undefined;
  const [failed] = failuresOf(name, end);
  return failed ?? { index: 0, reason: reasonOf(end) };
}

type CommandLine = [program: string, ...parameters: string[]];

/** How a batch ended, and its lines. */
type EndedBatch = Ended & { batch: string[] };

async function runBatch(netns: string | undefined, command: CommandLine, commands: readonly IpCommand[]): Promise<EndedBatch> {
  const batch = commands.map(line);
  return { batch, ...(await runIn(netns, [...command, '-batch', '-'], `${batch.join('\n')}\n`)) };
}

/** How a command ended, and the program that this process has run for it. */
type Ended = ProgramEnd & { program: string };

/** Runs a command in a network namespace: straight away where this process can enter it for a moment, else by nsenter(1). */
async function runIn(netns: string | undefined, command: CommandLine, input = ''): Promise<Ended> {
  const run = ([file, ...parameters]: CommandLine): Promise<ProgramEnd> => runBeside(file, parameters, { input });
  const entered = netns === undefined ? run(command) : enterNamespace(netns, () => run(command));
  const program = entered ? command[0] : 'nsenter';
  const end = await (entered ?? run(['nsenter', `--net=${netns}`, '--', ...command]));
  if (end.error) throw notRun(program, end.error);
  return { ...end, program };
}

/** A line of a batch. iproute2 splits it at blanks but not within quotes, and takes what follows a `#` for a comment even there. */
function line(command: IpCommand): string {
  return command.map(word).join(' ');
}

function word(text: string): string {
  const quote = ['"', "'"].find((candidate) => !text.includes(candidate));
  if (quote === undefined || /[#\n\r]/.test(text)) {
    throw new CniError(errorCodes.invalidConfig, 'iproute2 reads no word that holds "#", a line break, or both kinds of quotes', {
      object: JSON.stringify(text),
      hint: 'use another name or path',
    });
  }
  return /^[^\s"']+$/.test(text) ? text : `${quote}${text}${quote}`;
}

function notRun(program: string, error: Error): CniError {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const hint = program === 'nsenter' ? 'install util-linux' : 'install iproute2';
  return new CniError(errorCodes.ioFailure, missing ? 'is not on PATH' : error.message, {
    object: program,
    cause: error,
    ...(missing ? { hint } : {}),
  });
}
