import { Command } from 'commander';
import type { ImageListing } from '../../images/image-store.ts';
import { type Column, formatListing, type OutputFormat } from '../../view/listing.ts';
import { outputOption } from '../../view/output-option.ts';
import { openedStore } from './opened-store.ts';

const columns: Column<ImageListing>[] = [
  { header: 'NAME', value: (image) => image.name },
  { header: 'IMAGE ID', value: (image) => image.id.replace('sha256:', '').slice(0, 13) },
  { header: 'SIZE', value: (image) => `${(image.size / 1e6).toFixed(1)} MB` },
  { header: 'PINNED', value: (image) => (image.pinned ? 'yes' : 'no'), wide: true },
  { header: 'DIGESTS', value: (image) => image.digests.join(' ') || '<none>', wide: true },
];

/** `berth image ls`: a line for each name. */
export function imageLsCommand(): Command {
  return new Command('ls')
    .description('list images')
    .addOption(outputOption())
    .action(async (options: { output: OutputFormat }, command: Command) => {
      process.stdout.write(`${formatListing(await openedStore(command).list(), columns, options.output)}\n`);
    });
}
