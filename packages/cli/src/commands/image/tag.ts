import { Command } from 'commander';
import { openedStore } from './opened-store.ts';

/** `berth image tag IMAGE NAME`: prints the name in full. */
export function imageTagCommand(): Command {
  return new Command('tag')
    .description('give an image another name; one that another image has moves over')
    .argument('<image>', 'name or id')
    .argument('<name>', 'new name')
    .action(async (reference: string, name: string, _options: unknown, command: Command) => {
      process.stdout.write(`${await openedStore(command).tag(reference, name)}\n`);
    });
}
