import { Command } from 'commander';
import { openedStore } from './opened-store.ts';

/** `berth image pin IMAGE...` */
export function imagePinCommand(): Command {
  return new Command('pin')
    .description("keep images from kubelet's clean-up and from prune; the mark stays with the name when that moves to another image")
    .argument('<image...>', 'name, or id for all names of an image')
    .action(async (references: string[], _options: unknown, command: Command) => {
      const store = openedStore(command);
      for (const reference of references) await store.pin(reference);
    });
}

/** `berth image unpin IMAGE...` */
export function imageUnpinCommand(): Command {
  return new Command('unpin')
    .description('take the mark of pin away, from all names of the images')
    .argument('<image...>', 'name or id')
    .action(async (references: string[], _options: unknown, command: Command) => {
      const store = openedStore(command);
      for (const reference of references) await store.unpin(reference);
    });
}
