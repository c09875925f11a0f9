import { Command, Option } from 'commander';
import { levels } from 'pino';
import { directory } from './commands/arguments.ts';
import { defaults } from './configuration/global-options.ts';

/** Each command is loaded when it is named: a node keeps in memory what it needs, and not all that berth can do. In the order of --help. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./commands/run.ts')).runCommand(),
  kubelet: async () => (await import('./commands/kubelet.ts')).kubeletCommand(),
  ps: async () => (await import('./commands/ps.ts')).psCommand(),
  node: async () => (await import('./commands/node.ts')).nodeCommand(),
  logs: async () => (await import('./commands/logs.ts')).logsCommand(),
  exec: async () => (await import('./commands/exec.ts')).execCommand(),
  attach: async () => (await import('./commands/attach.ts')).attachCommand(),
  'port-forward': async () => (await import('./commands/port-forward.ts')).portForwardCommand(),
  diff: async () => (await import('./commands/diff.ts')).diffCommand(),
  trace: async () => (await import('./commands/trace.ts')).traceCommand(),
  explain: async () => (await import('./commands/explain.ts')).explainCommand(),
  schedule: async () => (await import('./commands/schedule.ts')).scheduleCommand(),
  image: async () => (await import('./commands/image/image.ts')).imageCommand(),
  runtime: async () => (await import('./commands/runtime.ts')).runtimeCommandLine(),
  cni: async () => (await import('./commands/cni/cni.ts')).cniCommand(),
  'mock-kubelet': async () => (await import('./commands/mock-kubelet.ts')).mockKubeletCommand(),
  conform: async () => (await import('./commands/conform.ts')).conformCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  completion: async () => (await import('./commands/completion.ts')).completionCommand(),
};

/** The command line of `berth`, with the command that `words` name; with all of them where they name none, as for `--help` or a Tab. */
export async function program(words: readonly string[] = []): Promise<Command> {
  const berth = withoutCommands();
  const load = commands[berth.parseOptions([...words]).operands[0] ?? ''];
  if (load) return berth.addCommand(await load());
  for (const each of Object.values(commands)) berth.addCommand(await each());
  const { completionServerCommand } = await import('./commands/completion.ts');
  return berth.addCommand(completionServerCommand(), { hidden: true });
}

function withoutCommands(): Command {
  return new Command('berth')
    .description('A Kubernetes node whose every organ is a plugin')
    .version('0.1.0')
    .option('--root <directory>', 'where images, objects, volumes and logs are', directory, defaults.root)
    .option('--run <directory>', 'where sockets and namespaces are', directory, defaults.run)
    .option('--node-config <file>', 'NodeConfiguration (default: /etc/berth/berth.yaml if there, else the built-in one)')
    .addOption(
      new Option('--log-level <level>', "of the node's own log on standard error (runtimes log to ROOT/logs)")
        .choices([...Object.keys(levels.values), 'silent'])
        .default(defaults.logLevel),
    )
    .showHelpAfterError('(run with --help to see how it is used)')
    .enablePositionalOptions(false);
}
