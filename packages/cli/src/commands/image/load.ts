import { Command } from 'commander';
import { interruptible } from './interruptible.ts';
import { openedImages } from './opened-images.ts';

/** `berth image load FILE...`: prints the names that the archives brought. */
export function imageLoadCommand(): Command {
  return new Command('load')
    .description('load images from OCI or Docker archives (docker save, buildah push oci-archive:)')
    .argument('<file...>', 'archive, or - for standard input')
    .action(async (files: string[], _options: unknown, command: Command) => {
      const images = openedImages(command);
      await interruptible(async (signal) => {
        for (const file of files) for (const name of await images.load(file, signal)) process.stdout.write(`${name}\n`);
      });
    });
}
