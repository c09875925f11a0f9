import { Command } from 'commander';
import { invoked } from './invoked.ts';

/** `berth cni check NET NETNS`: exit status 1, and what is wrong, where an attachment isn't as ADD left it. */
export function cniCheckCommand(): Command {
  return new Command('check')
    .description('check that an attachment is as it was when it was added')
    .argument('<network>', 'its name in the configuration, or in that which ADD kept')
    .argument('<netns>', 'path of the namespace')
    .action(async (network: string, netns: string, _options: unknown, command: Command) => {
      await invoked(command, async (cni, signal) => {
        const { list, attachment } = await cni.attached(network, netns);
        await cni.runner.check(list, attachment, signal);
      });
    });
}
