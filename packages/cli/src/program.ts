import tab from '@bomb.sh/tab/commander';
import { Command } from 'commander';
import { conformCommand } from './commands/conform.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { execCommand } from './commands/exec.ts';
import { imageCommand } from './commands/image.ts';
import { logsCommand } from './commands/logs.ts';
import { psCommand } from './commands/ps.ts';
import { runCommand } from './commands/run.ts';
import { runtimeCommandLine } from './commands/runtime.ts';
import { traceCommand } from './commands/trace.ts';
import { defaults } from './compose.ts';

/** The whole command line of `berth`. */
export function program(): Command {
  const berth = new Command('berth')
    .description('A Kubernetes node whose every organ is a plugin')
    .version('0.1.0')
    .option('--root <directory>', 'where images, objects, volumes and logs are', defaults.root)
    .option('--run <directory>', 'where sockets and namespaces are', defaults.run)
    .option('--node-config <file>', 'NodeConfiguration (default: /etc/berth/berth.yaml if there, else the built-in one)')
    .option(
      '--log-level <level>',
      "of the node's own log on standard error: trace, debug, info, warn, error or silent (runtimes log to ROOT/logs)",
      defaults.logLevel,
    )
    .showHelpAfterError('(run with --help to see how it is used)')
    .enablePositionalOptions(false);
  const commands = [
    runCommand(),
    psCommand(),
    logsCommand(),
    execCommand(),
    diffCommand(),
    traceCommand(),
    imageCommand(),
    runtimeCommandLine(),
    conformCommand(),
    doctorCommand(),
  ];
  for (const command of commands) {
    berth.addCommand(command);
  }
  tab(berth, { completionCommandName: 'completion' });
  return berth;
}
