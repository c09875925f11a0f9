import { Command } from 'commander';
import { invoked } from './invoked.ts';

/** `berth cni status NET`: exit status 1, and why, where the network can't take containers. */
export function cniStatusCommand(): Command {
  return new Command('status')
    .description('ask whether a network can take containers; one older than cniVersion 1.1.0 is taken at its word')
    .argument('<network>', 'its name in the configuration')
    .argument('[netns]', 'taken as cnitool takes it: it makes no difference')
    .action(async (network: string, _netns: string | undefined, _options: unknown, command: Command) => {
      await invoked(command, async (cni, signal) => {
        const status = await cni.runner.status(await cni.network(network), signal);
        if (status.condition !== 'ready') throw status.error;
      });
    });
}
