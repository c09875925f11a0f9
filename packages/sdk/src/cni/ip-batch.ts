import { spawnSync } from 'node:child_process';
import { enterNamespace } from './enter-namespace.ts';
import { runBeside } from './run-beside.ts';
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

const timeLimitMs = 30_000;

/**
 * Runs the commands in order, in one process, in the network namespace `netns` (a path; the caller's own without one).
 * Returns what each `show` or `get` printed, or the first failure; the commands after it weren't run.
 */
export function tryIpBatch<Shown = Link>(commands: IpCommand[], netns?: string): Shown[][] | IpFailure {
  const batch = commands.map(line);
  const { program, ended } = runIn(netns, ['ip', '-json', '-batch', '-'], ([file, ...parameters]) =>
    spawnSync(file, parameters, {
      input: `${batch.join('\n')}\n`,
      encoding: 'utf8',
      timeout: timeLimitMs,
      maxBuffer: 16 * 1024 * 1024,
    }),
  );
  const { error, status, stdout, stderr } = ended;
  // nsenter that fails leaves the batch unread, and says why.
  if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw notRun(program, error);
  if (status === 0)
    return stdout
      .split('\n')
      .filter((text) => text.startsWith('['))
      .map((text) => JSON.parse(text) as Shown[]);
  const failed = /Command failed -:(\d+)/.exec(stderr);
  const reason = stderr.replace(/\s*Command failed -:\d+\s*/g, '').trim();
  return { command: failed ? `ip ${batch[Number(failed[1]) - 1] ?? ''}` : program, reason: reason || `exit status ${status}` };
}

/** As `tryIpBatch`, but a failure is thrown as a CniError (code 5) that names the command and `object`. */
export function ipBatch(object: string, commands: IpCommand[], netns?: string): Link[][] {
  const outcome = tryIpBatch(commands, netns);
  if (Array.isArray(outcome)) return outcome;
  throw new CniError(errorCodes.ioFailure, `\`${outcome.command}\` failed: ${outcome.reason}`, { object });
}

/** Runs one command beside what the caller does next. Returns the failure, if it is one. */
export async function tryIpBeside(command: IpCommand, netns?: string): Promise<IpFailure | undefined> {
  const { program, ended } = runIn(netns, ['ip', ...command], ([file, ...parameters]) => runBeside(file, parameters));
  const { error, status, stderr } = await ended;
  if (error) throw notRun(program, error);
  return status === 0 ? undefined : { command: `ip ${line(command)}`, reason: stderr.trim() || `exit status ${status}` };
}

type CommandLine = [program: string, ...parameters: string[]];

/** Starts a command in a network namespace: straight away where this process can enter it for a moment, else by nsenter(1). */
function runIn<Ended extends object>(
  netns: string | undefined,
  command: CommandLine,
  start: (command: CommandLine) => Ended,
): { program: string; ended: Ended } {
  const [program] = command;
  const ended = netns === undefined ? start(command) : enterNamespace(netns, () => start(command));
  if (ended) return { program, ended };
  return { program: 'nsenter', ended: start(['nsenter', `--net=${netns}`, '--', ...command]) };
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
  const hint = program === 'ip' ? 'install iproute2' : 'install util-linux';
  return new CniError(errorCodes.ioFailure, missing ? 'is not on PATH' : error.message, {
    object: program,
    cause: error,
    ...(missing ? { hint } : {}),
  });
}
