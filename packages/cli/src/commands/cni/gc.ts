import type { AttachmentName } from '@berth/sdk/cni/runner';
import { Command, InvalidArgumentError } from 'commander';
import { invoked } from './invoked.ts';

/**
 * `berth cni gc NET`: as cnitool's, which keeps nothing; what is in use can be told. On the node's own networks it keeps what is attached to
 * namespaces that are there: its pods.
 */
export function cniGcCommand(): Command {
  return new Command('gc')
    .description(
      "remove all attachments of a network, and all that plugins hold for it, but for those that are told; of the node's own network those of namespaces that are gone",
    )
    .argument('<network>', 'its name in the configuration')
    .argument('[netns]', 'taken as cnitool takes it: it makes no difference')
    .option('--keep <container/interface...>', 'an attachment that is in use, such as 3f2a9c/eth0', kept, [])
    .option('--all', "of the node's own network too: running pods lose their addresses and rules")
    .action(async (network: string, _netns: string | undefined, { keep, all }: GcOptions, command: Command) => {
      await invoked(command, async (cni, signal) => {
        const keepsLiving = cni.directories.ofNode && !all;
        const valid = async () => [...keep, ...(keepsLiving ? await cni.livingAttachments(network) : [])];
        await cni.runner.gc(await cni.network(network), valid, signal);
      });
    });
}

interface GcOptions {
  keep: AttachmentName[];
  all?: true;
}

function kept(text: string, before: AttachmentName[]): AttachmentName[] {
  const [, containerId, ifName] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (containerId === undefined || ifName === undefined)
    throw new InvalidArgumentError('It has to be a container id and an interface: ID/eth0.');
  return [...before, { containerId, ifName }];
}
