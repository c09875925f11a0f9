import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Command } from 'commander';
import { compose, tokens } from '../compose.ts';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { writeDefaultNetwork } from '../node/default-network.ts';
import { runtimeCommand, runtimeEntry } from '../node/runtime-command.ts';

/** `berth runtime HANDLER`: one configured runtime's CRI server, alone in the foreground, for crictl and other CRI clients. */
export function runtimeCommandLine(): Command {
  return new Command('runtime')
    .description("start one configured runtime's CRI server in the foreground, for crictl and other CRI clients")
    .argument('<handler>', 'handler of a runtime in berth.yaml')
    .argument('[options...]', "the runtime's own options, after --")
    .option('--listen <endpoint>', 'unix:///PATH or HOST:PORT (default: the endpoint in berth.yaml, else RUN/HANDLER.sock)')
    .action(async (handler: string, own: string[], options: { listen?: string }, command: Command) => {
      const parts = compose(command.optsWithGlobals<GlobalOptions>());
      const configuration = parts.resolve(tokens.configuration);
      const cni = parts.resolve(tokens.cni);
      const shims = { cni, registry: configuration.registry };
      const runtime = runtimeCommand(runtimeEntry(configuration, handler), parts.resolve(tokens.directories), shims, options.listen);
      if (runtime.refusal) throw runtime.refusal;
      if (configuration.cni.confDir === undefined)
        writeDefaultNetwork(configuration.cni, cni.confDir, parts.resolve(tokens.directories).root);
      // The runtime itself says when it serves.
      process.stderr.write(`berth: starting the CRI server of ${handler}, to listen on ${runtime.endpoint}\n`);
      process.exitCode = await inForeground(handler, runtime.program, [...runtime.args, ...own]);
    });
}

/**
 * Runs a program on our own standard streams, passes signals on to it, and gives its exit status as a shell tells it. The
 * program itself can't say that a signal ended it.
 */
async function inForeground(handler: string, program: string, args: string[]): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit' });
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  // The terminal sends SIGINT to the whole group; SIGTERM reaches only us.
  const ignore = () => undefined;
  process.on('SIGTERM', pass).on('SIGINT', ignore);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number, null] | [null, NodeJS.Signals];
    if (signal !== null) process.stderr.write(`berth: runtime ${handler} was ended by ${signal}\n`);
    return signal === null ? code : 128 + constants.signals[signal];
  } finally {
    process.off('SIGTERM', pass).off('SIGINT', ignore);
  }
}
