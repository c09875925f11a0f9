import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { digestOf, json } from '../image-archive.ts';
import {
  type Compression,
  type ContainerDefaults,
  compressor,
  hostArchitecture,
  imageConfig,
  imageManifest,
  indexMediaTypes,
  type LayerDescriptor,
  type ManifestFamily,
  manifestMediaTypes,
} from '../image-documents.ts';
import { type FileContent, type LayerEntry, layerTar } from '../layer-entry.ts';
import type { ImageRegistry, Repository, RepositoryOptions } from '../registry/image-registry.ts';

/** A layer as it goes over the wire. */
interface LayerBlob extends LayerDescriptor {
  diffId: string;
  bytes: Buffer;
}

/** What an image of a case is made of. */
export interface ImageDescription {
  /** Above busybox, lowest first. Default: none, and for an image without busybox one that no other has. */
  layers?: LayerEntry[][];
  /** Of each layer, where they aren't all gzip. */
  compressions?: Compression[];
  /** Without busybox, for an image that nothing runs in. */
  bare?: boolean;
  config?: ContainerDefaults;
  family?: ManifestFamily;
  architecture?: string;
  /** Alters the configuration before it is written: what a broken tool would do. */
  alterConfig?(config: ReturnType<typeof imageConfig>): object;
  /** The same for the manifest. */
  alterManifest?(manifest: ReturnType<typeof imageManifest>): object;
}

/** An image that has been made, and can be served under any name. */
export interface CaseImage {
  /** Digest of its configuration, which is its id. */
  id: string;
  architecture: string;
  mediaType: string;
  manifest: Buffer;
  manifestDigest: string;
  /** With the one of busybox. */
  layers: LayerBlob[];
  config: Buffer;
}

/** An image in a repository of its own. */
export interface PublishedImage extends CaseImage {
  /** `127.0.0.1:5000/berth-conformance/case-1`. */
  name: string;
  /** The name with tag. */
  reference: string;
  /** The name with digest. */
  digestReference: string;
  repository: Repository;
}

interface PublishOptions extends ImageDescription {
  /** Default `1`. */
  tag?: string;
  /** Who may pull it; default: everybody. */
  access?: RepositoryOptions;
}

/** Makes images for single cases and serves each from a repository of its own: no two are alike, so that cases can run beside each other. */
export class ImagePublisher {
  readonly #registry: ImageRegistry;
  readonly #base: LayerBlob;
  /** The static busybox of the layer below, to be put elsewhere too. */
  readonly busybox: FileContent;
  #count = 0;

  private constructor(registry: ImageRegistry, base: LayerBlob, busybox: FileContent) {
    this.#registry = registry;
    this.#base = base;
    this.busybox = busybox;
  }

  /** `base` is the layer below those of each image: that of a busybox. */
  static async over(registry: ImageRegistry, base: LayerEntry[]): Promise<ImagePublisher> {
    const busybox = base.find(({ path }) => path === 'bin/busybox');
    return new ImagePublisher(registry, await layerBlob(base, 'gzip'), busybox?.type === 'file' ? busybox.content : '');
  }

  /** Address of the registry: `127.0.0.1:5000`. */
  get host(): string {
    return this.#registry.host;
  }

  /** A repository without an image. */
  repository(access?: RepositoryOptions): Repository {
    return this.#registry.addRepository(`berth-conformance/case-${this.#count++}`, access);
  }

  async build({ compressions = [], bare = false, family = 'oci', ...description }: ImageDescription): Promise<CaseImage> {
    const build = randomUUID();
    const layers = description.layers ?? (bare ? [[{ type: 'file', path: 'build', content: build }]] : []);
    const own = await Promise.all(layers.map((entries, index) => layerBlob(entries, compressions[index] ?? 'gzip')));
    const all = bare ? own : [this.#base, ...own];
    const architecture = description.architecture ?? hostArchitecture();
    const labels = { ...description.config?.Labels, 'example.com/build': build };
    const plain = imageConfig({
      diffIds: all.map(({ diffId }) => diffId),
      architecture,
      config: { Env: ['PATH=/usr/bin:/bin'], Cmd: ['sh'], ...description.config, Labels: labels },
    });
    const config = json(description.alterConfig?.(plain) ?? plain);
    const listing = imageManifest(config, all, family);
    const manifest = json(description.alterManifest?.(listing) ?? listing);
    const mediaType = manifestMediaTypes[family];
    return { id: digestOf(config), architecture, mediaType, manifest, manifestDigest: digestOf(manifest), layers: all, config };
  }

  /** Serves an image by the tag, and by its digest. */
  put(image: CaseImage, repository: Repository, tag?: string): PublishedImage {
    for (const { digest, bytes } of image.layers) repository.blobs.set(digest, bytes);
    repository.blobs.set(image.id, image.config);
    repository.putManifest(image.mediaType, image.manifest, tag);
    const name = this.nameOf(repository);
    const digestReference = `${name}@${image.manifestDigest}`;
    return { ...image, name, repository, digestReference, reference: tag === undefined ? digestReference : `${name}:${tag}` };
  }

  async publish({ tag = '1', access, ...description }: PublishOptions = {}): Promise<PublishedImage> {
    return this.put(await this.build(description), this.repository(access), tag);
  }

  /** Serves an index of the images by the tag; gives its digest. */
  putIndex(repository: Repository, tag: string, images: CaseImage[], family: ManifestFamily = 'oci'): string {
    const manifests = images.map(({ mediaType, manifestDigest, manifest, architecture }) => ({
      mediaType,
      digest: manifestDigest,
      size: manifest.length,
      platform: { os: 'linux', architecture },
    }));
    const mediaType = indexMediaTypes[family];
    return repository.putManifest(mediaType, json({ schemaVersion: 2, mediaType, manifests }), tag);
  }

  nameOf(repository: Repository): string {
    return `${this.host}/${repository.name}`;
  }
}

async function layerBlob(entries: LayerEntry[], compression: Compression): Promise<LayerBlob> {
  const tar = await buffer(layerTar(entries));
  const packed = compressor(compression);
  packed.end(tar);
  const bytes = await buffer(packed);
  const diffId = digestOf(tar);
  return { bytes, diffId, digest: digestOf(bytes), size: bytes.length, compression };
}
