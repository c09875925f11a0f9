import { Command, Option } from 'commander';
import { levels } from 'pino';
import { directory } from './commands/arguments.ts';
import { attachCommand } from './commands/attach.ts';
import { cniCommand } from './commands/cni/cni.ts';
import { completionCommand, completionServerCommand } from './commands/completion.ts';
import { conformCommand } from './commands/conform.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { execCommand } from './commands/exec.ts';
import { explainCommand } from './commands/explain.ts';
import { imageCommand } from './commands/image/image.ts';
import { kubeletCommand } from './commands/kubelet.ts';
import { logsCommand } from './commands/logs.ts';
import { portForwardCommand } from './commands/port-forward.ts';
import { psCommand } from './commands/ps.ts';
import { runCommand } from './commands/run.ts';
import { runtimeCommandLine } from './commands/runtime.ts';
import { scheduleCommand } from './commands/schedule.ts';
import { traceCommand } from './commands/trace.ts';
import { defaults } from './compose.ts';

/** The whole command line of `berth`. */
export function program(): Command {
  const berth = new Command('berth')
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
  const commands = [
    runCommand(),
    kubeletCommand(),
    psCommand(),
    logsCommand(),
    execCommand(),
    attachCommand(),
    portForwardCommand(),
    diffCommand(),
    traceCommand(),
    explainCommand(),
    scheduleCommand(),
    imageCommand(),
    runtimeCommandLine(),
    cniCommand(),
    conformCommand(),
    doctorCommand(),
    completionCommand(),
  ];
  for (const command of commands) {
    berth.addCommand(command);
  }
  berth.addCommand(completionServerCommand(), { hidden: true });
  return berth;
}
