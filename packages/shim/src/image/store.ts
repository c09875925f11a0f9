import type { Readable, Writable } from 'node:stream';
import type { AuthConfig, FilesystemUsage, Image } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { parseReference, type Reference } from '@berth/sdk/image-reference';
import type { CommitOptions, CommittedImage, WrittenContainer } from './commit/commit.ts';
import { criImage, listImages } from './cri-image.ts';
import type { Images, PullOptions, UsableImage } from './images.ts';
import type { LoadedImage } from './load.ts';
import { parseManifest } from './manifest.ts';
import { presentImage } from './present-image.ts';
import { pullImage } from './pull.ts';
import { pushSource } from './push-source.ts';
import type { Registry, RegistryOptions } from './registry/registry.ts';
import { defaultRegistryConfigPath } from './registry/registry-host.ts';
import { pruneImages, type Removal, removeImage, untagImage } from './removal.ts';
import type { ArchiveFormat } from './save.ts';
import { SharedStore } from './shared-store.ts';
import { pinImage, tagImage, unpinImage } from './tags.ts';
import { diskUsage } from './usage.ts';

export type { CommitOptions } from './commit/commit.ts';

export interface StoreOptions {
  /** Names the users of this process: a shim's handler. */
  owner?: string;
  /** Where hosts of registries are configured, see registry/registry-hosts.ts. */
  registryConfigPath?: string;
}

/**
 * The layered store: images of all runtimes of a node, under one directory. Several processes may use it at once; each
 * reads its state from disk, and one that dies leaves nothing half done that anybody takes for whole.
 */
export class LayeredImages implements Images {
  readonly #store: SharedStore;
  readonly #registryConfigPath: string;

  /** `directory`: ROOT/images. */
  constructor(directory: string, { owner = '', registryConfigPath = defaultRegistryConfigPath }: StoreOptions = {}) {
    this.#store = new SharedStore(directory, owner);
    this.#registryConfigPath = registryConfigPath;
  }

  async pull(text: string, { auth }: PullOptions, signal: AbortSignal): Promise<string> {
    const reference = parseReference(text);
    const registry = await this.#registry(reference, { auth });
    try {
      return await pullImage(this.#store, reference, registry, signal);
    } finally {
      registry.close();
    }
  }

  /** Puts a present image to the registry that `text` names, under the tag or digest that it names; gives the manifest's digest. */
  async push(text: string, auth: AuthConfig | undefined, signal: AbortSignal): Promise<string> {
    const reference = parseReference(text);
    const { source, leased } = await pushSource(this.#store, text, reference);
    const { pushImage } = await import('./registry/push.ts');
    const registry = await this.#registry(reference, { auth, access: 'pull,push' });
    try {
      await this.#store.reading([leased], () => pushImage(registry, source, signal));
      return leased.manifestDigest;
    } finally {
      registry.close();
    }
  }

  /**
   * Loads all images of an archive, a file or a stream: OCI image layout or `docker save`, plain or compressed. `name` stands for the
   * archive's own names, of which a layout may have none.
   */
  async load(source: string | Readable, options: { name?: string }, signal: AbortSignal): Promise<LoadedImage[]> {
    const { loadArchive } = await import('./load.ts');
    return loadArchive(this.#store, source, options, signal);
  }

  /** Makes a new image of what a container wrote above its own; see commit/commit.ts. */
  async commit(container: WrittenContainer, name: string, options: CommitOptions, signal: AbortSignal): Promise<CommittedImage> {
    const { commitContainer } = await import('./commit/commit.ts');
    return commitContainer(this.#store, container, name, options, signal);
  }

  /**
   * Puts present images into one archive, under the names that `references` call them by, in a file or a stream. An id
   * gives no name. A file is there only when it is whole.
   */
  async save(references: string[], output: string | Writable, format: ArchiveFormat, signal: AbortSignal): Promise<void> {
    const { saveImages } = await import('./save.ts');
    return saveImages(this.#store, references, output, format, signal);
  }

  list(): Promise<Image[]> {
    return listImages(this.#store);
  }

  async status(reference: string): Promise<Image | undefined> {
    const { records } = this.#store;
    const image = await records.find(reference);
    return image && criImage(image, await records.namesOf(image.id));
  }

  /** `chainID` and `imageSpec` (the whole configuration) as containerd tells them; its manifest, and layers, lowest first, packed and unpacked. */
  async inspect(reference: string): Promise<Record<string, unknown> | undefined> {
    const { records, blobs, layers: unpackedLayers } = this.#store;
    const image = await records.find(reference);
    if (!image) return undefined;
    const object = `image ${reference}`;
    const [configuration, manifestBytes] = await Promise.all([blobs.read(image.id), blobs.read(image.manifestDigest)]);
    const manifest = parseManifest(manifestBytes, object);
    const packed = manifest.kind === 'manifest' ? manifest.layers : [];
    const layers = image.layers.map(async (chainID, index) => {
      const { bytes, inodes, directory } = (await unpackedLayers.find(chainID)) ?? {};
      return { ...packed[index], chainID, unpacked: { bytes, inodes, directory } };
    });
    return {
      chainID: image.layers.at(-1),
      imageSpec: JSON.parse(configuration.toString('utf8')),
      manifestDigest: image.manifestDigest,
      layers: await Promise.all(layers),
    };
  }

  async remove(reference: string): Promise<void> {
    await removeImage(this.#store, reference);
  }

  /**
   * Takes a tag away from an image that has others; the last one goes with the image, which an id or a digest names as a
   * whole. An absent one is NOT_FOUND, one in use by a container FAILED_PRECONDITION.
   */
  untag(reference: string): Promise<Removal> {
    return untagImage(this.#store, reference);
  }

  /** Gives a present image another name, which another image may have had, and its digest in that repository; tells the name in full. */
  tag(reference: string, name: string): Promise<string> {
    return tagImage(this.#store, reference, name);
  }

  /** Marks a name, and with it the image that has it, as one that stays when unused images are removed; an id stands for all names. */
  pin(reference: string): Promise<void> {
    return pinImage(this.#store, reference);
  }

  /** Takes the mark away from all names of the image. */
  unpin(reference: string): Promise<void> {
    return unpinImage(this.#store, reference);
  }

  /**
   * Removes images without a tag, or with `all` every image, that no container uses and nobody pinned; and all that processes
   * which died or pulls that failed have left. Gives what was removed. An aborted `signal` makes it stop at the next image.
   */
  prune(options: { all: boolean }, signal: AbortSignal): Promise<Image[]> {
    return pruneImages(this.#store, options, signal);
  }

  async recover(isUser: (user: string) => boolean): Promise<void> {
    await this.#store.users.removeOthers(isUser);
    await this.#store.recover();
  }

  usage(): Promise<FilesystemUsage[]> {
    return diskUsage(this.#store.directory);
  }

  async use(reference: string, user: string): Promise<UsableImage> {
    return this.#store.locked(async () => {
      const image = await presentImage(this.#store, reference);
      const layers = await Promise.all(image.layers.map((chainId) => this.#store.layers.find(chainId)));
      const directories = layers.map((layer) => layer?.directory).filter((directory) => directory !== undefined);
      if (directories.length < layers.length) {
        throw new PluginError('DATA_LOSS', 'a layer of it is gone from the disk', {
          object: `image ${reference}`,
          hint: 'remove the image and pull it again',
        });
      }
      await this.#store.users.put(user, image.id);
      return { id: image.id, config: image.config, layers: directories.reverse() };
    });
  }

  async release(user: string): Promise<void> {
    await this.#store.users.remove(user);
  }

  /** Loaded only where it is used: many a shim never pulls. */
  async #registry(reference: Reference, options: Omit<RegistryOptions, 'configPath'>): Promise<Registry> {
    const { openRegistry } = await import('./registry/registry.ts');
    return openRegistry(reference, { ...options, configPath: this.#registryConfigPath });
  }
}
