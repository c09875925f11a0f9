import { Command } from 'commander';
import { openedImages } from './opened-images.ts';

/** `berth image prune [--all]`: prints what it removed. */
export function imagePruneCommand(): Command {
  return new Command('prune')
    .description('remove images without a tag that no container uses, and what failed pulls have left; pinned ones stay')
    .option('-a, --all', 'every image that no container uses', false)
    .action(async ({ all }: { all: boolean }, command: Command) => {
      for (const name of await openedImages(command).prune({ all })) process.stdout.write(`removed ${name}\n`);
    });
}
