import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import type { Descriptor } from './blobs.ts';
import { hexOf } from './digest.ts';
import type { ImageConfig } from './images.ts';

const indexMediaTypes = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json'];

export const manifestMediaTypes = [
  ...indexMediaTypes,
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** In bytes, for manifests and configurations, which are read whole: what the distribution specification asks a registry to take at least. */
export const longestManifest = 4 * 1024 * 1024;

export const ociManifestType = 'application/vnd.oci.image.manifest.v1+json';

export interface Manifest {
  kind: 'manifest';
  /** OCI's where it doesn't say its own. */
  mediaType: string;
  config: Descriptor;
  /** Lowest first. */
  layers: Descriptor[];
}

interface Index {
  kind: 'index';
  manifests: PlatformDescriptor[];
}

export interface PlatformDescriptor extends Descriptor {
  platform?: { architecture?: string; os?: string; variant?: string };
  annotations?: Record<string, string>;
}

/** The parts of an image configuration that a store needs (image-spec config.md). */
interface ImageConfiguration {
  config: ImageConfig;
  /** Digests of the uncompressed layers, lowest first. */
  diffIds: string[];
}

/** A manifest, configuration or index as a store or an archive has it. */
export function documentBytes(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}

/** A manifest, index or image configuration that is none. */
export class BrokenDocument extends PluginError {
  /** Without object and cure: `it is no JSON`. */
  readonly reason: string;

  constructor(object: string, reason: string, cause?: unknown) {
    super('DATA_LOSS', reason, { object, hint: 'the image is broken at its source: push it again', cause });
    this.reason = reason;
  }
}

/** Reads an OCI or Docker v2 manifest or index. `object` names it in errors; what is neither is a BrokenDocument. */
export function parseManifest(bytes: Uint8Array, object: string): Manifest | Index {
  const value = parseJson(bytes, object);
  if (value.schemaVersion === 1) {
    throw new PluginError('UNIMPLEMENTED', 'it is a Docker schema 1 manifest, which nobody makes any more', {
      object,
      hint: 'push the image again with a current tool',
    });
  }
  if (Array.isArray(value.manifests) && value.config === undefined) {
    return {
      kind: 'index',
      manifests: value.manifests.map((entry) => ({ ...(entry as PlatformDescriptor), ...descriptor(entry, object) })),
    };
  }
  if (Array.isArray(value.layers) && value.manifests === undefined) {
    const mediaType = typeof value.mediaType === 'string' ? value.mediaType : ociManifestType;
    return {
      kind: 'manifest',
      mediaType,
      config: descriptor(value.config, object),
      layers: value.layers.map((layer) => descriptor(layer, object)),
    };
  }
  throw new BrokenDocument(object, 'it is neither an image manifest nor an index');
}

/** The manifest for this machine; NOT_FOUND that lists what there is. An entry without a platform fits if it is the only one, or, where none fits, if it is an index itself. */
export function choosePlatform(index: Index, object: string, architecture = hostArchitecture()): PlatformDescriptor {
  const [only, ...more] = index.manifests;
  if (only && more.length === 0 && !only.platform) return only;
  const fitting = index.manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === architecture);
  if (fitting) return fitting;
  const nested = index.manifests.find(({ platform, mediaType }) => !platform && indexMediaTypes.includes(mediaType));
  if (nested) return nested;
  const offered = index.manifests.map(({ platform }) => `${platform?.os ?? '?'}/${platform?.architecture ?? '?'}`);
  throw new PluginError(
    'NOT_FOUND',
    `it has no image for linux/${architecture}, only for ${[...new Set(offered)].join(', ') || 'nothing'}`,
    {
      object,
      hint: `build it for linux/${architecture} as well`,
    },
  );
}

export function parseImageConfiguration(bytes: Uint8Array, object: string): ImageConfiguration {
  const value = parseJson(bytes, object);
  const rootfs = value.rootfs as { diff_ids?: unknown } | undefined;
  const diffIds = rootfs?.diff_ids;
  if (!Array.isArray(diffIds) || !diffIds.every((diffId): diffId is string => typeof diffId === 'string' && hexOf(diffId) !== undefined)) {
    throw new BrokenDocument(object, 'its rootfs.diff_ids is no list of sha256 digests');
  }
  const config = (value.config ?? {}) as Record<string, unknown>;
  return {
    diffIds,
    config: {
      entrypoint: strings(config.Entrypoint),
      cmd: strings(config.Cmd),
      env: strings(config.Env),
      workingDir: string(config.WorkingDir),
      user: string(config.User),
      stopSignal: string(config.StopSignal),
      volumes: Object.keys((config.Volumes ?? {}) as object),
    },
  };
}

function hostArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

function parseJson(bytes: Uint8Array, object: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new BrokenDocument(object, 'it is no JSON', cause);
  }
  throw new BrokenDocument(object, 'it is no JSON object');
}

function descriptor(value: unknown, object: string): Descriptor {
  const { mediaType, digest, size } = (value ?? {}) as Partial<Record<keyof Descriptor, unknown>>;
  if (typeof digest !== 'string' || hexOf(digest) === undefined)
    throw new BrokenDocument(object, `it refers to a blob by ${quoted(digest)}, which is no sha256 digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw new BrokenDocument(object, `it gives the blob ${digest} the size ${quoted(size)}`);
  return { mediaType: string(mediaType), digest, size };
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
