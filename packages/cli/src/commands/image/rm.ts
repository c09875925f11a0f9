import { Command } from 'commander';
import { openedImages } from './opened-images.ts';

/** `berth image rm IMAGE...` */
export function imageRmCommand(): Command {
  return new Command('rm')
    .description('remove images with all their names')
    .argument('<image...>', 'name or id')
    .action(async (references: string[], _options: unknown, command: Command) => {
      const images = openedImages(command);
      for (const reference of references) await images.remove(reference);
    });
}
