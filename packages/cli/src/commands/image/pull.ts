import { Command } from 'commander';
import { openedImages } from './opened-images.ts';

/** `berth image pull IMAGE`: prints the image's id. */
export function imagePullCommand(): Command {
  return new Command('pull')
    .description('pull an image from its registry')
    .argument('<image>', 'name')
    .action(async (reference: string, _options: unknown, command: Command) => {
      process.stdout.write(`${await openedImages(command).pull(reference)}\n`);
    });
}
