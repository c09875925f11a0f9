import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuthConfig, FilesystemUsage, Image } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { withLock } from '../files/file-lock.ts';
import { explainFullDisk } from '../files/full-disk.ts';
import { isUserId } from '../user-id.ts';
import { readArchive } from './archive.ts';
import { Blobs } from './blobs.ts';
import { digestOf } from './digest.ts';
import type { Images, PullOptions, UsableImage } from './images.ts';
import { type BlobSource, type InstalledImage, installImage, partsOf } from './install.ts';
import { Layers } from './layers.ts';
import { removeLeftovers } from './leftovers.ts';
import { choosePlatform, type Manifest, parseManifest } from './manifest.ts';
import { pushSource } from './push-source.ts';
import { Records } from './records.ts';
import { nameOf, parseReference, type Reference, repositoryOf } from './reference.ts';
import type { Registry, RegistryOptions } from './registry/registry.ts';
import { defaultRegistryConfigPath } from './registry/registry-host.ts';
import { diskUsage } from './usage.ts';
import { ImageUsers } from './users.ts';

/** Changes of records take milliseconds: who waits longer waits for a process that hangs. */
const lockTimeoutMs = 30_000;
/** What a pull that was cut off has brought waits so long for the next one to go on with. */
const ingestKeptMs = 24 * 3600_000;
const commitAttempts = 3;

interface LoadedImage {
  id: string;
  names: string[];
}

/**
 * The layered store: images of all runtimes of a node, under one directory. Several processes may use it at once; each
 * reads its state from disk. What is being made lies under `incoming`, a blob under `ingest`, and counts when it is renamed to its place, so a
 * process that dies leaves nothing half done that anybody takes for whole.
 *
 * `blobs` manifests, configurations, layers as they came; `layers` unpacked ones; `records` and `names` see records.ts; `users` see users.ts.
 */
export class LayeredImages implements Images {
  readonly #directory: string;
  readonly #registryConfigPath: string;
  readonly #blobs: Blobs;
  readonly #layers: Layers;
  readonly #records: Records;
  readonly #users: ImageUsers;
  #leftovers: Promise<unknown> | undefined;

  /** `directory`: ROOT/images. `registryConfigPath`: where hosts of registries are configured, see registry/registry-hosts.ts. */
  constructor(directory: string, registryConfigPath: string = defaultRegistryConfigPath) {
    const incoming = join(directory, 'incoming');
    this.#directory = directory;
    this.#registryConfigPath = registryConfigPath;
    this.#blobs = new Blobs(join(directory, 'blobs'), join(directory, 'ingest'));
    this.#layers = new Layers(join(directory, 'layers'), incoming);
    this.#records = new Records(directory);
    this.#users = new ImageUsers(join(directory, 'users'));
  }

  async pull(text: string, { auth }: PullOptions, signal: AbortSignal): Promise<string> {
    const reference = parseReference(text);
    const registry = await this.#registry(reference, { auth });
    try {
      return await this.#pull(reference, registry, signal);
    } finally {
      registry.close();
    }
  }

  /** Puts a present image to the registry that `text` names, under the tag or digest that it names; gives the manifest's digest. */
  async push(text: string, auth: AuthConfig | undefined, signal: AbortSignal): Promise<string> {
    const reference = parseReference(text);
    const image = await this.#records.find(text);
    if (!image) throw absentImage(text);
    const source = await pushSource(image, reference, this.#blobs, this.#records);
    const { pushImage } = await import('./registry/push.ts');
    const registry = await this.#registry(reference, { auth, access: 'pull,push' });
    try {
      await pushImage(registry, source, signal);
      return image.manifestDigest;
    } finally {
      registry.close();
    }
  }

  /**
   * Loads all images of an archive file: OCI image layout or `docker save`, plain or compressed. `name` stands for the
   * archive's own names, of which a layout may have none.
   */
  async load(path: string, options: { name?: string } = {}, signal: AbortSignal): Promise<LoadedImage[]> {
    const archive = await readArchive(path, join(this.#directory, 'incoming'), signal);
    try {
      const loaded: LoadedImage[] = [];
      for (const { manifestBytes, manifest, names } of archive.images) {
        const given = options.name === undefined ? names : [options.name];
        const references = given.map((name) => parseReference(name));
        const digests = references.map((reference) => `${repositoryOf(reference)}@${digestOf(manifestBytes)}`);
        const tags = references.map(nameOf);
        const id = await this.#install(manifestBytes, manifest, archive, [...new Set([...tags, ...digests])], signal);
        loaded.push({ id, names: tags });
      }
      return loaded;
    } finally {
      await archive.close();
    }
  }

  async list(): Promise<Image[]> {
    const [images, names] = await Promise.all([this.#records.images(), this.#records.names()]);
    const namesOf = Map.groupBy(names, ({ image }) => image);
    return images.map((image) => criImage(image, (namesOf.get(image.id) ?? []).map(({ name }) => name).toSorted()));
  }

  async status(reference: string): Promise<Image | undefined> {
    const image = await this.#records.find(reference);
    return image && (await this.list()).find(({ id }) => id === image.id);
  }

  /** `chainID` and `imageSpec` (the whole configuration) as containerd tells them; its manifest, and layers, lowest first, packed and unpacked. */
  async inspect(reference: string): Promise<Record<string, unknown> | undefined> {
    const image = await this.#records.find(reference);
    if (!image) return undefined;
    const object = `image ${reference}`;
    const [configuration, manifestBytes] = await Promise.all([this.#blobs.read(image.id), this.#blobs.read(image.manifestDigest)]);
    const manifest = parseManifest(manifestBytes, object);
    const packed = manifest.kind === 'manifest' ? manifest.layers : [];
    const layers = image.layers.map(async (chainID, index) => {
      const { bytes, inodes, directory } = (await this.#layers.find(chainID)) ?? {};
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
    const detached = await this.#locked(async () => {
      const image = await this.#records.find(reference);
      if (!image) return [];
      await this.#users.checkUnused(image.id, reference);
      await this.#records.remove(image.id);
      return this.#detachUnused(image);
    });
    await Promise.all(detached.map((path) => this.#layers.discard(path)));
  }

  usage(): Promise<FilesystemUsage[]> {
    return diskUsage(this.#directory);
  }

  async use(reference: string, user: string): Promise<UsableImage> {
    return this.#locked(async () => {
      const image = await this.#records.find(reference);
      if (!image) throw absentImage(reference);
      const layers = await Promise.all(image.layers.map((chainId) => this.#layers.find(chainId)));
      const directories = layers.map((layer) => layer?.directory).filter((directory) => directory !== undefined);
      if (directories.length < layers.length) {
        throw new PluginError('DATA_LOSS', 'a layer of it is gone from the disk', {
          object: `image ${reference}`,
          hint: 'remove the image and pull it again',
        });
      }
      await this.#users.put(user, image.id);
      return { id: image.id, config: image.config, layers: directories.reverse() };
    });
  }

  async release(user: string): Promise<void> {
    await this.#users.remove(user);
  }

  /** Loaded only where it is used: many a shim never pulls. */
  async #registry(reference: Reference, options: Omit<RegistryOptions, 'configPath'>): Promise<Registry> {
    const { openRegistry } = await import('./registry/registry.ts');
    return openRegistry(reference, { ...options, configPath: this.#registryConfigPath });
  }

  async #pull(reference: Reference, registry: Registry, signal: AbortSignal): Promise<string> {
    const bytes = await registry.manifest(reference.digest ?? reference.tag ?? '', signal);
    const object = `image ${nameOf(reference)}`;
    const found = parseManifest(bytes, object);
    const names = new Set([nameOf(reference), `${repositoryOf(reference)}@${digestOf(bytes)}`]);
    if (found.kind === 'manifest') return this.#install(bytes, found, registry, [...names], signal);

    const chosen = await registry.manifest(choosePlatform(found, object).digest, signal);
    const manifest = parseManifest(chosen, object);
    if (manifest.kind !== 'manifest')
      throw new PluginError('UNIMPLEMENTED', 'an index in an index', { object, hint: 'push one index of manifests' });
    return this.#install(chosen, manifest, registry, [...names], signal);
  }

  /** What another process removes between the unpacking and the record is made again. */
  async #install(bytes: Buffer, manifest: Manifest, source: BlobSource, names: string[], signal: AbortSignal): Promise<string> {
    this.#leftovers ??= Promise.all([
      removeLeftovers(join(this.#directory, 'incoming')),
      this.#blobs.removeAbandoned(new Date(Date.now() - ingestKeptMs)),
      this.#records.removeLeftovers(),
      this.#users.removeLeftovers(),
    ]);
    await this.#leftovers;
    try {
      return await this.#installed(bytes, manifest, source, names, signal);
    } catch (error) {
      // Otherwise what has come is kept, for the next attempt to go on from.
      if (PluginError.from(error).code === 'RESOURCE_EXHAUSTED') await this.#giveBack(digestOf(bytes), manifest);
      throw PluginError.from(explainFullDisk(error, this.#directory, `image ${names[0]}`), 'INTERNAL', { object: `image ${names[0]}` });
    }
  }

  async #installed(bytes: Buffer, manifest: Manifest, source: BlobSource, names: string[], signal: AbortSignal): Promise<string> {
    for (let attempt = 0; attempt < commitAttempts; attempt++) {
      const image = await installImage(bytes, manifest, source, { blobs: this.#blobs, layers: this.#layers }, signal);
      if (await this.#locked(() => this.#commit(image, names))) return image.id;
    }
    throw new PluginError('ABORTED', 'its parts are removed by another process as soon as they are there', {
      object: `image ${names[0]}`,
      hint: 'try again',
    });
  }

  /** Where the disk is full, what a failed pull has brought takes room from others; parts of other images stay. */
  async #giveBack(manifestDigest: string, manifest: Manifest): Promise<void> {
    const parts = await partsOf(manifestDigest, manifest, this.#blobs);
    const detached = await this.#locked(() => this.#detachUnused(parts));
    await Promise.all(detached.map((path) => this.#layers.discard(path)));
  }

  async #commit(image: InstalledImage, names: string[]): Promise<boolean> {
    const layers = await Promise.all(image.layers.map((chainId) => this.#layers.find(chainId)));
    const blobs = await Promise.all(image.blobs.map((digest) => this.#blobs.has(digest)));
    if (layers.includes(undefined) || blobs.includes(false)) return false;
    await this.#records.put(image, names);
    return true;
  }

  /** Of an image that is not recorded any more; folders that are left to be deleted. */
  async #detachUnused(removed: Pick<InstalledImage, 'blobs' | 'layers'>): Promise<string[]> {
    const rest = await this.#records.images();
    const usedBlobs = new Set(rest.flatMap(({ blobs }) => blobs));
    const usedLayers = new Set(rest.flatMap(({ layers }) => layers));
    for (const digest of removed.blobs) if (!usedBlobs.has(digest)) await this.#blobs.remove(digest);
    const detached: string[] = [];
    for (const chainId of removed.layers) {
      const path = usedLayers.has(chainId) ? undefined : await this.#layers.detach(chainId);
      if (path) detached.push(path);
    }
    return detached;
  }

  async #locked<T>(body: () => Promise<T>): Promise<T> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    return withLock(join(this.#directory, 'lock'), AbortSignal.timeout(lockTimeoutMs), body);
  }
}

function absentImage(reference: string): PluginError {
  return new PluginError('NOT_FOUND', 'it is not on this node', {
    object: `image ${reference}`,
    hint: 'pull it, or load it with: berth image load FILE',
  });
}

function criImage(image: InstalledImage, names: string[]): Image {
  const user = image.config.user.split(':')[0] ?? '';
  const isUid = isUserId(user);
  return {
    id: image.id,
    repoTags: names.filter((name) => !name.includes('@')),
    repoDigests: names.filter((name) => name.includes('@')),
    size: BigInt(image.size),
    uid: isUid ? { value: BigInt(user) } : undefined,
    username: isUid ? '' : user,
    pinned: false,
  };
}
