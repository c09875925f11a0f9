import type { AuthConfig, Image } from '@berth/sdk/cri';
import type { ArchiveFormat } from '@berth/shim/image/save';
import type { CommitOptions } from '@berth/shim/image/store';

/** One name of one image, as `berth image ls` lists it. */
export interface ImageListing {
  name: string;
  id: string;
  /** Bytes. */
  size: number;
  digests: string[];
  /** It stays when images that nobody uses are removed. */
  pinned: boolean;
}

/** A container as findWrittenContainer of @berth/shim takes it. */
interface ContainerReference {
  container: string;
  namespace: string;
}

/** What `berth image` does, on the node's own store or on a CRI server's. */
export interface ImageStore {
  list(): Promise<ImageListing[]>;
  /** Says what has become of it: a name may be only one of several. */
  remove(reference: string): Promise<'untagged' | 'removed'>;
  /** Gives the image's id. */
  pull(reference: string, auth: AuthConfig | undefined, signal: AbortSignal): Promise<string>;
  /** To the registry of its name; gives the manifest's digest. */
  push(reference: string, auth: AuthConfig | undefined, signal: AbortSignal): Promise<string>;
  /** Gives the names that the archive brought; `-` is standard input. */
  load(file: string, signal: AbortSignal): Promise<string[]>;
  /** Gives the new name in full. */
  tag(reference: string, name: string): Promise<string>;
  /** `file`: `-` is standard output. */
  save(references: string[], file: string, format: ArchiveFormat, signal: AbortSignal): Promise<void>;
  /** Gives the new image's id. */
  commit(from: ContainerReference, name: string, options: CommitOptions, signal: AbortSignal): Promise<string>;
  pin(reference: string): Promise<void>;
  unpin(reference: string): Promise<void>;
  /** Gives names, or else ids, of the images that are gone; `signal` makes it stop at the next one, as if there were no more. */
  prune(options: { all: boolean }, signal: AbortSignal): Promise<string[]>;
}

/** For a large image on a slow line; that a registry is silent is found out long before. */
export const registryTimeoutMs = 21_600_000;

/** A line for each name, or one for an image without. */
export function listings(image: Image): ImageListing[] {
  const names = image.repoTags.length > 0 ? image.repoTags : ['<none>'];
  return names.map((name) => ({
    name,
    id: image.id,
    size: Number(image.size),
    digests: image.repoDigests,
    pinned: image.pinned,
  }));
}
