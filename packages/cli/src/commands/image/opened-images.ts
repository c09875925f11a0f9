import type { Command } from 'commander';
import { compose, type GlobalOptions, tokens } from '../../compose.ts';
import type { ImageCommands } from '../../node/image-commands.ts';
import { openImages } from '../../node/images.ts';

interface ImageOptions extends GlobalOptions {
  runtimeEndpoint?: string;
}

/** The images that a command's line is about: the node's store, or a CRI server's. */
export function openedImages(command: Command): ImageCommands {
  const options = command.optsWithGlobals<ImageOptions>();
  const parts = compose(options);
  const { configPath } = parts.resolve(tokens.configuration).registry;
  return openImages(options.runtimeEndpoint ?? process.env.CONTAINER_RUNTIME_ENDPOINT, parts.resolve(tokens.directories), configPath);
}
