import type { Directories } from '../configuration/directories.ts';
import { criImages } from './cri-images.ts';
import type { ImageCommands } from './image-commands.ts';
import { storeImages } from './store-images.ts';

/** The images of the CRI server at `endpoint`, or, without one, of the node's own store. `registryConfigPath` as in berth.yaml, `registry.configPath`. */
export function openImages(endpoint: string | undefined, { root }: Directories, registryConfigPath?: string): ImageCommands {
  return endpoint === undefined ? storeImages(root, registryConfigPath) : criImages(endpoint);
}
