import { join } from 'node:path';
import { MockKubelet } from '@berth/sdk/mock-kubelet';
import { Command, Option } from 'commander';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { CommandLines } from '../mock-kubelet/command-lines.ts';
import { printedEvent, Session, type SessionOutput } from '../mock-kubelet/session.ts';
import { directory, seconds } from './arguments.ts';
import { Interruption } from './interruption.ts';

interface MockKubeletCommandOptions extends GlobalOptions {
  kubeletRoot?: string;
  output: SessionOutput;
  execute?: string;
  /** Milliseconds. */
  timeout: number;
}

/** `berth mock-kubelet`: the plugins' side of a kubelet, for authors of device plugins and CSI drivers. */
export function mockKubeletCommand(): Command {
  return new Command('mock-kubelet')
    .description(
      'what plugins see of a kubelet: registers device plugins and CSI drivers, prints what they advertise, allocates on command',
    )
    .option('--kubelet-root <directory>', 'in the place of /var/lib/kubelet (default: ROOT/mock-kubelet)', directory)
    .addOption(
      new Option('-o, --output <format>', 'a line of text, or of JSON, for each event and answer')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option(
      '-e, --execute <commands>',
      'commands, with ";" between them, in the place of standard input; the first that fails ends it, with exit status 1',
    )
    .addOption(new Option('--timeout <seconds>', 'how long the command "wait" waits').argParser(seconds).default(30_000, '30'))
    .addHelpText('after', '\nCommands are read from standard input, one a line; "help" tells which there are.')
    .action(async (_options: unknown, command: Command) => {
      process.exitCode = await mockKubelet(command.optsWithGlobals<MockKubeletCommandOptions>());
    });
}

/** Exit status 0 at the end of the input, `quit` or an interrupt; 1 where a command has failed; with --execute that of the interrupt. */
async function mockKubelet({ root, kubeletRoot, output, execute, timeout }: MockKubeletCommandOptions): Promise<number> {
  const interruption = new Interruption();
  const { signal } = interruption;
  const typed = execute === undefined ? new CommandLines({ input: process.stdin, output: process.stdout, signal }) : undefined;
  const print = (line: string) => (typed ? typed.print(line) : void process.stdout.write(`${line}\n`));
  const complain = (line: string) => void process.stderr.write(`${line}\n`);
  const kubelet = new MockKubelet({
    directory: kubeletRoot ?? join(root, 'mock-kubelet'),
    onEvent: (event) => print(printedEvent(event, output)),
  });
  const session = new Session({ kubelet, signal, waitMs: timeout, output, print, complain });
  try {
    await kubelet.start();
    if (typed) return (await takeAll(session, typed.lines())) ? 0 : 1;
    return (await takeWhileDone(session, execute?.split(';') ?? [])) ? interruption.exitStatus : 1;
  } finally {
    typed?.close();
    await kubelet.stop();
    interruption.release();
  }
}

/** Takes them until one quits; one that fails holds up no other. Whether all were done. */
async function takeAll(session: Session, lines: AsyncIterable<string>): Promise<boolean> {
  let allDone = true;
  for await (const line of lines) {
    const came = await session.take(line);
    if (came === 'quit') break;
    allDone &&= came === 'done';
  }
  return allDone;
}

/** Takes them until one quits or fails. Whether none failed. */
async function takeWhileDone(session: Session, commands: readonly string[]): Promise<boolean> {
  for (const command of commands) {
    const came = await session.take(command);
    if (came !== 'done') return came === 'quit';
  }
  return true;
}
