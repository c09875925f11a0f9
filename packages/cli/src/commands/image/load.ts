import { Command } from 'commander';
import { interruptible } from '../interruptible.ts';
import { openedStore } from './opened-store.ts';

/** `berth image load FILE...`: prints the names that the archives brought. */
export function imageLoadCommand(): Command {
  return new Command('load')
    .description('load images from OCI or Docker archives (docker save, buildah push oci-archive:)')
    .argument('<file...>', 'archive, or - for standard input')
    .action(async (files: string[], _options: unknown, command: Command) => {
      const store = openedStore(command);
      await interruptible(async (signal) => {
        for (const file of files) for (const name of await store.load(file, signal)) process.stdout.write(`${name}\n`);
      });
    });
}
