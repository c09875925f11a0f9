import { Command } from 'commander';
import { openedStore } from './opened-store.ts';

/** `berth image rm IMAGE...`: prints whether a name or a whole image is gone. */
export function imageRmCommand(): Command {
  return new Command('rm')
    .description(
      'remove images: a tag alone where its image has others, with the last tag the image; an id or a digest names it with all its tags',
    )
    .argument('<image...>', 'name or id')
    .action(async (references: string[], _options: unknown, command: Command) => {
      const store = openedStore(command);
      for (const reference of references) process.stdout.write(`${await store.remove(reference)} ${reference}\n`);
    });
}
