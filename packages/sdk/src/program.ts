import { readFileSync } from 'node:fs';
import { type CommandLineDefinition, informationAskedFor, usageOf } from './command-line.ts';
import { PluginError } from './errors.ts';
import { untilTerminated } from './termination.ts';

/** A program, as far as its command line tells what to do. */
interface Program<Task> {
  name: string;
  /** Its package.json, which tells its version. */
  packageFile: URL;
  commandLine: CommandLineDefinition;
  /** Throws what is wrong with the command line, or with settings that it names. */
  read(argv: readonly string[]): Task;
}

/** What a program is to do; or its exit status where it is nothing more: 0 once help or version are printed, 2 once it is told what is wrong. */
export function readTask<Task extends object>(
  argv: readonly string[],
  { name, packageFile, commandLine, read }: Program<Task>,
): Task | number {
  try {
    const information = informationAskedFor(argv, commandLine);
    if (information === undefined) return read(argv);
    process.stdout.write(information === 'help' ? usageOf(commandLine) : `${versionIn(packageFile)}\n`);
    return 0;
  } catch (thrown) {
    process.stderr.write(`${name}: ${PluginError.from(thrown).message}\n`);
    return 2;
  }
}

/** Works until SIGINT or SIGTERM, or until `ended` aborts. Gives the exit status: 0 after a signal and where the work ends, 1 once the log has one line of why it can't go on. */
export async function workUntilTerminated(
  log: { fatal(message: string): void },
  work: (signal: AbortSignal) => Promise<void>,
  ended: AbortSignal = untilTerminated(),
): Promise<number> {
  try {
    await work(ended);
    return 0;
  } catch (thrown) {
    if (ended.aborted) return 0;
    log.fatal(PluginError.from(thrown).message);
    return 1;
  }
}

function versionIn(packageFile: URL): string {
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
  return version;
}
