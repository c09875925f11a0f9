import { PluginError } from '@berth/sdk/errors';
import { type ArchiveFormat, archiveFormats } from '@berth/shim/image/save';
import { Command, Option } from 'commander';
import { interruptible } from '../interruptible.ts';
import { openedStore } from './opened-store.ts';

/** `berth image save IMAGE... -o FILE`: one archive of all of them. */
export function imageSaveCommand(): Command {
  return new Command('save')
    .description('save images as one archive, under the names given; an id saves an image without a name')
    .argument('<image...>', 'name or id')
    .requiredOption('-o, --output <file>', 'archive to write, or - for standard output')
    .addOption(
      new Option('--format <format>', 'OCI image layout, or one that docker load of any version takes')
        .choices(archiveFormats)
        .default('oci'),
    )
    .action(async (references: string[], { output, format }: { output: string; format: ArchiveFormat }, command: Command) => {
      if (output === '-' && process.stdout.isTTY) {
        throw new PluginError('INVALID_ARGUMENT', 'it is a terminal', {
          object: 'standard output',
          hint: 'name a file with -o, or redirect it',
        });
      }
      await interruptible((signal) => openedStore(command).save(references, output, format, signal));
    });
}
