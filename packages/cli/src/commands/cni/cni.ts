import { Command, Option } from 'commander';
import { seconds } from '../arguments.ts';
import { cniAddCommand } from './add.ts';
import { cniCheckCommand } from './check.ts';
import { cniDelCommand } from './del.ts';
import { cniGcCommand } from './gc.ts';
import { cniStatusCommand } from './status.ts';
import { cniValidateCommand } from './validate.ts';

/** `berth cni ...`: cnitool's commands with its variables, and a look at the configuration. */
export function cniCommand(): Command {
  const cni = new Command('cni')
    .description('network configurations and plugins, without a node: check them, attach namespaces, as cnitool does')
    .addOption(
      new Option('--conf-dir <directory>', "configurations (default: the node's, or /etc/cni/net.d where that has none)").env(
        'NETCONFPATH',
      ),
    )
    .addOption(new Option('--cni-path <path>', "directories of plugins, separated by colons (default: the node's)").env('CNI_PATH'))
    .addOption(new Option('--cap-args <json>', "capabilities' arguments, such as '{\"portMappings\": [...]}'").env('CAP_ARGS'))
    .addOption(new Option('--cni-args <pairs>', 'arguments for all plugins, such as KEY=VALUE;KEY=VALUE').env('CNI_ARGS'))
    .addOption(new Option('-i, --ifname <name>', 'interface in the namespace (default: eth0)').env('CNI_IFNAME'))
    .option('--cache-dir <directory>', "where results and locks are kept (default: the node's for its configuration, else /var/lib/cni)")
    .addOption(new Option('--timeout <seconds>', 'how long each plugin may take').argParser(seconds).default(60_000, '60'));
  const commands = [cniValidateCommand(), cniAddCommand(), cniDelCommand(), cniCheckCommand(), cniGcCommand(), cniStatusCommand()];
  for (const command of commands) cni.addCommand(command);
  return cni;
}
