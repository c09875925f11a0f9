import { isNamespaceFile } from '@berth/sdk/namespace-file';
import { Command } from 'commander';
import { invoked } from './invoked.ts';

/** `berth cni del NET NETNS`: with the configuration that ADD kept, so that it works after the files have changed. */
export function cniDelCommand(): Command {
  return new Command('del')
    .description('detach a network namespace, which may be gone, from a network')
    .argument('<network>', 'its name in the configuration, or in that which ADD kept')
    .argument('<netns>', 'path of the namespace, as it was told to add')
    .action(async (network: string, netns: string, _options: unknown, command: Command) => {
      await invoked(command, async (cni, signal) => {
        const { list, attachment } = await cni.attached(network, netns);
        // A plugin is told of no namespace where that is gone (SPEC.md, DEL).
        const gone = !isNamespaceFile(attachment.netns);
        await cni.runner.del(list, gone ? { ...attachment, netns: '' } : attachment, signal);
      });
    });
}
