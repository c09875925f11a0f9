import { PassThrough, type Transform } from 'node:stream';
import { createGzip, createZstdCompress } from 'node:zlib';
import { digestOf } from './image-archive.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** Whose media types a manifest has: image-spec's, or those of Docker's image manifest, version 2, schema 2. */
export type ManifestFamily = 'oci' | 'docker';

/** The `config` object of an OCI image configuration (image-spec config.md). */
export interface ContainerDefaults {
  User?: string;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  StopSignal?: string;
  Volumes?: Record<string, Record<string, never>>;
  Labels?: Record<string, string>;
}

export const manifestMediaTypes = {
  oci: 'application/vnd.oci.image.manifest.v1+json',
  docker: 'application/vnd.docker.distribution.manifest.v2+json',
} as const satisfies Record<ManifestFamily, string>;

export const indexMediaTypes = {
  oci: 'application/vnd.oci.image.index.v1+json',
  docker: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const satisfies Record<ManifestFamily, string>;

const configMediaTypes = {
  oci: 'application/vnd.oci.image.config.v1+json',
  docker: 'application/vnd.docker.container.image.v1+json',
} as const satisfies Record<ManifestFamily, string>;

/** Docker's schema has no type for zstd: OCI's is taken there, as its tools do. */
const layerMediaTypes: Record<ManifestFamily, Record<Compression, string>> = {
  oci: {
    none: 'application/vnd.oci.image.layer.v1.tar',
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
  docker: {
    none: 'application/vnd.docker.image.rootfs.diff.tar',
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
};

export function compressor(compression: Compression): Transform {
  if (compression === 'none') return new PassThrough();
  return compression === 'gzip' ? createGzip() : createZstdCompress();
}

interface ConfigOptions {
  /** Digests of the uncompressed layers, lowest first. */
  diffIds: string[];
  config?: ContainerDefaults;
  architecture?: string;
}

/** An image configuration (image-spec config.md), the same for the same options. */
export function imageConfig({ diffIds, config = {}, architecture = hostArchitecture() }: ConfigOptions) {
  const created = new Date(0).toISOString();
  return {
    created,
    architecture,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: diffIds.map((_, index) => ({ created, created_by: `layer ${index}` })),
  };
}

/** This machine's, in GOARCH notation. */
export function hostArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** A blob as a manifest names it (image-spec descriptor.md). */
export interface LayerDescriptor {
  digest: string;
  size: number;
  compression: Compression;
}

export function imageManifest(config: Buffer, layers: LayerDescriptor[], family: ManifestFamily = 'oci') {
  return {
    schemaVersion: 2,
    mediaType: manifestMediaTypes[family],
    config: { mediaType: configMediaTypes[family], digest: digestOf(config), size: config.length },
    layers: layers.map(({ digest, size, compression }) => ({ mediaType: layerMediaTypes[family][compression], digest, size })),
  };
}
