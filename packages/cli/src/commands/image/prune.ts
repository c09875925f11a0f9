import { Command } from 'commander';
import { interruptible } from '../interruptible.ts';
import { openedStore } from './opened-store.ts';

/** `berth image prune [--all]`: prints what it removed. */
export function imagePruneCommand(): Command {
  return new Command('prune')
    .description('remove images without a tag that no container uses, and what failed pulls have left; pinned ones stay')
    .option('-a, --all', 'every image that no container uses', false)
    .action(async ({ all }: { all: boolean }, command: Command) => {
      await interruptible(async (signal) => {
        for (const name of await openedStore(command).prune({ all }, signal)) process.stdout.write(`removed ${name}\n`);
        signal.throwIfAborted();
      });
    });
}
