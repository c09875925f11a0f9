import { Command, Option } from 'commander';
import { compose, type GlobalOptions, tokens } from '../compose.ts';
import { type CredentialOptions, registryCredentials } from '../credentials/registry-credentials.ts';
import { type ImageListing, openImages } from '../node/images.ts';
import { type Column, formatListing, type OutputFormat } from '../view/listing.ts';
import { outputOption } from '../view/output-option.ts';

interface ImageOptions extends GlobalOptions {
  runtimeEndpoint?: string;
}

const columns: Column<ImageListing>[] = [
  { header: 'NAME', value: (image) => image.name },
  { header: 'IMAGE ID', value: (image) => image.id.replace('sha256:', '').slice(0, 13) },
  { header: 'SIZE', value: (image) => `${(image.size / 1e6).toFixed(1)} MB` },
  { header: 'DIGESTS', value: (image) => image.digests.join(' ') || '<none>', wide: true },
];

/** `berth image load|ls|rm|pull|push`: the node's image store, or that of any CRI server by --runtime-endpoint. */
export function imageCommand(): Command {
  const image = new Command('image')
    .description('the images of this node')
    .option('--runtime-endpoint <endpoint>', "a CRI server's images instead of those under ROOT/images (env CONTAINER_RUNTIME_ENDPOINT)");
  image
    .command('load')
    .description('load images from OCI or Docker archives (docker save, buildah push oci-archive:)')
    .argument('<file...>', 'archive')
    .action(async (files: string[], _options: unknown, command: Command) => {
      const images = openedBy(command);
      for (const file of files) for (const name of await images.load(file)) process.stdout.write(`${name}\n`);
    });
  image
    .command('ls')
    .description('list images')
    .addOption(outputOption())
    .action(async (options: { output: OutputFormat }, command: Command) => {
      process.stdout.write(`${formatListing(await openedBy(command).list(), columns, options.output)}\n`);
    });
  image
    .command('rm')
    .description('remove images with all their names')
    .argument('<image...>', 'name or id')
    .action(async (references: string[], _options: unknown, command: Command) => {
      for (const reference of references) await openedBy(command).remove(reference);
    });
  image
    .command('pull')
    .description('pull an image from its registry')
    .argument('<image>', 'name')
    .addOption(credsOption())
    .addOption(authfileOption())
    .action(async (reference: string, options: CredentialOptions, command: Command) => {
      const images = openedBy(command);
      process.stdout.write(`${await images.pull(reference, await registryCredentials(reference, options))}\n`);
    });
  image
    .command('push')
    .description('push an image to the registry of its name')
    .argument('<image>', 'name')
    .addOption(credsOption())
    .addOption(authfileOption())
    .action(async (reference: string, options: CredentialOptions, command: Command) => {
      const images = openedBy(command);
      process.stdout.write(`${await images.push(reference, await registryCredentials(reference, options))}\n`);
    });
  return image;
}

function credsOption(): Option {
  return new Option('--creds <user[:password]>', 'credentials of the registry; without a password it is read from standard input');
}

function authfileOption(): Option {
  return new Option(
    '--authfile <file>',
    "credentials as Docker's config.json has them (default: that of this user, env REGISTRY_AUTH_FILE)",
  );
}

function openedBy(command: Command): ReturnType<typeof openImages> {
  const options = command.optsWithGlobals<ImageOptions>();
  const parts = compose(options);
  const { configPath } = parts.resolve(tokens.configuration).registry;
  return openImages(options.runtimeEndpoint ?? process.env.CONTAINER_RUNTIME_ENDPOINT, parts.resolve(tokens.directories), configPath);
}
