import type { Readable, Writable } from 'node:stream';
import type { AuthConfig, FilesystemUsage, Image } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { isUserId } from '../user-id.ts';
import { addImage } from './add-image.ts';
import { readArchive } from './archive.ts';
import { type CommitOptions, type CommittedImage, commitContainer, type WrittenContainer } from './commit/commit.ts';
import { digestOf } from './digest.ts';
import { type ImageParts, noParts } from './garbage.ts';
import type { Images, PullOptions, UsableImage } from './images.ts';
import type { InstalledImage } from './install.ts';
import { choosePlatform, parseManifest } from './manifest.ts';
import { pushSource } from './push-source.ts';
import { isDigestName, type NameRecord } from './records.ts';
import { nameOf, parseReference, type Reference, repositoryOf } from './reference.ts';
import { pushImage } from './registry/push.ts';
import { openRegistry, type Registry } from './registry/registry.ts';
import { defaultRegistryConfigPath } from './registry/registry-host.ts';
import { type ArchiveFormat, archiveFiles, type SavedImage, writeTo } from './save.ts';
import { SharedStore } from './shared-store.ts';
import { diskUsage } from './usage.ts';

export type { CommitOptions } from './commit/commit.ts';

/** An image that was loaded: its id, and the names that it has from the archive. */
interface LoadedImage {
  id: string;
  names: string[];
}

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
    const registry = await openRegistry(reference, { auth, configPath: this.#registryConfigPath });
    try {
      return await pullImage(this.#store, reference, registry, signal);
    } finally {
      registry.close();
    }
  }

  /** Puts a present image to the registry that `text` names, under the tag or digest that it names; gives the manifest's digest. */
  async push(text: string, auth: AuthConfig | undefined, signal: AbortSignal): Promise<string> {
    const reference = parseReference(text);
    const image = await present(this.#store, text);
    const { descriptor, manifest } = await this.#saved(text);
    const source = await pushSource(image, reference, this.#store.blobs, this.#store.records);
    const registry = await openRegistry(reference, { auth, configPath: this.#registryConfigPath, access: 'pull,push' });
    try {
      await this.#store.reading([{ manifestDigest: descriptor.digest, manifest }], () => pushImage(registry, source, signal));
      return image.manifestDigest;
    } finally {
      registry.close();
    }
  }

  /**
   * Loads all images of an archive, a file or a stream: OCI image layout or `docker save`, plain or compressed. `name` stands for the
   * archive's own names, of which a layout may have none.
   */
  async load(path: string | Readable, options: { name?: string } = {}, signal: AbortSignal): Promise<LoadedImage[]> {
    const archive = await readArchive(path, this.#store.incoming, signal);
    try {
      const loaded: LoadedImage[] = [];
      for (const { manifestBytes, manifest, names } of archive.images) {
        const given = options.name === undefined ? names : [options.name];
        const references = given.map((name) => parseReference(name));
        const digests = references.map((reference) => `${repositoryOf(reference)}@${digestOf(manifestBytes)}`);
        const tags = references.map(nameOf);
        const id = await addImage(this.#store, { manifestBytes, manifest, names: [...new Set([...tags, ...digests])] }, archive, signal);
        loaded.push({ id, names: tags });
      }
      return loaded;
    } finally {
      await archive.close();
    }
  }

  /** Makes a new image of what a container wrote above its own; see commit/commit.ts. */
  commit(container: WrittenContainer, name: string, options: CommitOptions, signal: AbortSignal): Promise<CommittedImage> {
    return commitContainer(this.#store, container, name, options, signal);
  }

  /**
   * Puts present images into one archive, under the names that `references` call them by, in a file or a stream. An id
   * gives no name. A file is there only when it is whole.
   */
  async save(references: string[], output: string | Writable, format: ArchiveFormat, signal: AbortSignal): Promise<void> {
    const images = await Promise.all(references.map((reference) => this.#saved(reference)));
    const byDigest = Map.groupBy(images, ({ descriptor }) => descriptor.digest);
    const merged = [...byDigest.values()].map((same) => ({
      ...(same[0] as SavedImage),
      names: [...new Set(same.flatMap(({ names }) => names))],
    }));
    const leased = merged.map(({ descriptor, manifest }) => ({ manifestDigest: descriptor.digest, manifest }));
    const files = archiveFiles(merged, format, (digest) => this.#store.blobs.path(digest));
    await this.#store.reading(leased, () => writeTo(output, files, signal));
  }

  async list(): Promise<Image[]> {
    const { records } = this.#store;
    const [images, names] = await Promise.all([records.images(), records.names()]);
    const namesOf = Map.groupBy(names, ({ image }) => image);
    return images.map((image) => criImage(image, namesOf.get(image.id) ?? []));
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
    await this.#store.collecting(() => removeImage(this.#store, reference));
  }

  /**
   * Takes a tag away from an image that has others; the last one goes with the image, which an id or a digest names as a
   * whole. Says whether the image is gone. An absent one is NOT_FOUND, one in use by a container FAILED_PRECONDITION.
   */
  async untag(reference: string): Promise<'untagged' | 'removed'> {
    let outcome: 'untagged' | 'removed' = 'removed';
    await this.#store.collecting(async () => {
      const image = await present(this.#store, reference);
      const name = isImageId(reference, image.id) ? undefined : nameOf(parseReference(reference));
      const tags = (await this.#store.records.namesOf(image.id)).map((record) => record.name).filter((each) => !isDigestName(each));
      if (name === undefined || isDigestName(name) || tags.length < 2) return removeImage(this.#store, reference);
      await this.#store.records.unname(name);
      outcome = 'untagged';
      return noParts;
    });
    return outcome;
  }

  /** Gives a present image another name, which another image may have had; tells it in full. */
  async tag(reference: string, name: string): Promise<string> {
    const parsed = parseReference(name);
    if (parsed.digest !== undefined) {
      throw new PluginError('INVALID_ARGUMENT', 'a digest is what an image has, not a name to be given', {
        object: `image ${name}`,
        hint: 'write NAME:TAG',
      });
    }
    const tag = nameOf(parsed);
    await this.#store.locked(async () => this.#store.records.name((await present(this.#store, reference)).id, [tag]));
    return tag;
  }

  /** Marks a name, and with it the image that has it, as one that stays when unused images are removed; an id stands for all names. */
  async pin(reference: string): Promise<void> {
    const { records } = this.#store;
    await this.#store.locked(async () => {
      const image = await present(this.#store, reference);
      const names = await records.namesOf(image.id);
      const wanted = isImageId(reference, image.id) ? names : names.filter(({ name }) => name === nameOf(parseReference(reference)));
      if (wanted.length > 0) return records.pin(wanted, true);
      throw new PluginError('FAILED_PRECONDITION', 'it has no name', {
        object: `image ${reference}`,
        hint: 'give it one with: berth image tag',
      });
    });
  }

  /** Takes the mark away from all names of the image. */
  async unpin(reference: string): Promise<void> {
    const { records } = this.#store;
    await this.#store.locked(async () => records.pin(await records.namesOf((await present(this.#store, reference)).id), false));
  }

  /**
   * Removes images without a tag, or with `all` every image, that no container uses and nobody pinned; and all that processes
   * which died or pulls that failed have left. Gives what was removed.
   */
  async prune({ all = false }: { all?: boolean } = {}): Promise<Image[]> {
    const removed: Image[] = [];
    await this.#store.removeLeftovers(0);
    await this.#store.collecting(async () => {
      const used = await this.#store.users.images();
      const unwanted = (await this.list()).filter(({ id, repoTags, pinned }) => !used.has(id) && !pinned && (all || repoTags.length === 0));
      for (const image of unwanted) {
        await this.#store.records.remove(image.id);
        removed.push(image);
      }
      return noParts;
    }, 0);
    return removed;
  }

  async recover(isUser: (user: string) => boolean): Promise<void> {
    await this.#store.users.removeOthers(isUser);
    await this.#store.recover();
  }

  async #saved(reference: string): Promise<SavedImage> {
    const { id, manifestDigest } = await present(this.#store, reference);
    const bytes = await this.#store.blobs.read(manifestDigest);
    const manifest = parseManifest(bytes, `image ${reference}`);
    if (manifest.kind !== 'manifest') throw new PluginError('DATA_LOSS', 'its manifest is an index', { object: `image ${reference}` });
    const names = isImageId(reference, id) ? [] : [nameOf(parseReference(reference))];
    return { descriptor: { mediaType: manifest.mediaType, digest: manifestDigest, size: bytes.length }, manifest, names };
  }

  usage(): Promise<FilesystemUsage[]> {
    return diskUsage(this.#store.directory);
  }

  async use(reference: string, user: string): Promise<UsableImage> {
    return this.#store.locked(async () => {
      const image = await present(this.#store, reference);
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
}

async function pullImage(store: SharedStore, reference: Reference, registry: Registry, signal: AbortSignal): Promise<string> {
  const bytes = await registry.manifest(reference.digest ?? reference.tag ?? '', signal);
  const object = `image ${nameOf(reference)}`;
  const found = parseManifest(bytes, object);
  const names = [...new Set([nameOf(reference), `${repositoryOf(reference)}@${digestOf(bytes)}`])];
  if (found.kind === 'manifest') return addImage(store, { manifestBytes: bytes, manifest: found, names }, registry, signal);

  const chosen = await registry.manifest(choosePlatform(found, object).digest, signal);
  const manifest = parseManifest(chosen, object);
  if (manifest.kind !== 'manifest')
    throw new PluginError('UNIMPLEMENTED', 'an index in an index', { object, hint: 'push one index of manifests' });
  return addImage(store, { manifestBytes: chosen, manifest, names }, registry, signal);
}

/** Removes the record and names; gives the parts that it had. The caller holds the store's lock. */
async function removeImage({ records, users }: SharedStore, reference: string): Promise<ImageParts> {
  const image = await records.find(reference);
  if (!image) return noParts;
  await users.checkUnused(image.id, reference);
  await records.remove(image.id);
  return image;
}

async function present({ records }: SharedStore, reference: string): Promise<InstalledImage> {
  const image = await records.find(reference);
  if (image) return image;
  throw new PluginError('NOT_FOUND', 'it is not on this node', {
    object: `image ${reference}`,
    hint: 'pull it, or load it with: berth image load FILE',
  });
}

/** Whether the reference that found an image is its id, or the beginning of one. */
function isImageId(reference: string, id: string): boolean {
  return id.startsWith(reference) || id.startsWith(`sha256:${reference}`);
}

function criImage(image: InstalledImage, records: NameRecord[]): Image {
  const names = records.map(({ name }) => name).toSorted();
  const user = image.config.user.split(':')[0] ?? '';
  const isUid = isUserId(user);
  return {
    id: image.id,
    repoTags: names.filter((name) => !isDigestName(name)),
    repoDigests: names.filter(isDigestName),
    size: BigInt(image.size),
    uid: isUid ? { value: BigInt(user) } : undefined,
    username: isUid ? '' : user,
    pinned: records.some(({ pinned }) => pinned),
  };
}
