import type { Command } from 'commander';
import { compose, tokens } from '../../compose.ts';
import type { GlobalOptions } from '../../configuration/global-options.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { openImageStore } from '../../images/open.ts';

interface ImageOptions extends GlobalOptions {
  runtimeEndpoint?: string;
}

/** The images that a command's line is about: the node's store, or a CRI server's. */
export function openedStore(command: Command): ImageStore {
  const options = command.optsWithGlobals<ImageOptions>();
  const parts = compose(options);
  const { configPath } = parts.resolve(tokens.configuration).registry;
  return openImageStore(options.runtimeEndpoint ?? process.env.CONTAINER_RUNTIME_ENDPOINT, parts.resolve(tokens.directories), configPath);
}
