import type { Attachment } from '@berth/sdk/cni/runner';
import { writeResult } from '@berth/sdk/cni/versions';
import { PluginError } from '@berth/sdk/errors';
import { isNamespaceFile } from '@berth/sdk/namespace-file';
import { Command } from 'commander';
import type { CniInvocation } from '../../cni/invocation.ts';
import { invoked } from './invoked.ts';

/** `berth cni add NET NETNS`: prints the result in the network's own version, as cnitool does. */
export function cniAddCommand(): Command {
  return new Command('add')
    .description('attach a network namespace to a network; prints the result as JSON')
    .argument('<network>', 'its name in the configuration')
    .argument('<netns>', 'path of the namespace, such as /run/netns/NAME')
    .action(async (network: string, netns: string, _options: unknown, command: Command) => {
      await invoked(command, async (cni, signal) => {
        const list = await cni.network(network);
        const attachment = cni.attachment(netns);
        requireNamespace(netns);
        await refuseAttached(cni, list.name, attachment);
        const result = await cni.runner.add(list, attachment, signal, { mayBeAttached: true });
        process.stdout.write(`${JSON.stringify(writeResult(result, list.cniVersion), undefined, 4)}\n`);
      });
    });
}

function requireNamespace(netns: string): void {
  if (isNamespaceFile(netns)) return;
  throw new PluginError('INVALID_ARGUMENT', 'is no network namespace', { object: netns, hint: 'make one with `ip netns add NAME`' });
}

/** Its plugins would fail, and the DEL that takes back a failed ADD would take down what works. */
async function refuseAttached({ runner }: CniInvocation, network: string, attachment: Attachment): Promise<void> {
  const { netns, ifName } = attachment;
  if (!(await runner.cached(network, attachment))) return;
  throw new PluginError('ALREADY_EXISTS', `its ${ifName} is attached to network ${network} already`, {
    object: `network namespace ${netns}`,
    hint: `detach it with \`berth cni del ${network} ${netns}\`, or choose another --ifname`,
  });
}
