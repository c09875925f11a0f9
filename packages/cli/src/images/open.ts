import type { Directories } from '../configuration/directories.ts';
import { criStore } from './cri-store.ts';
import type { ImageStore } from './image-store.ts';
import { nodeStore } from './node-store.ts';

/** The images of the CRI server at `endpoint`, or, without one, of the node's own store. `registryConfigPath` as in berth.yaml, `registry.configPath`. */
export function openImageStore(endpoint: string | undefined, { root }: Directories, registryConfigPath?: string): ImageStore {
  return endpoint === undefined ? nodeStore(root, registryConfigPath) : criStore(endpoint);
}
