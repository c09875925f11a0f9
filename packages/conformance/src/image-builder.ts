import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { PluginError } from '@berth/sdk/errors';
import { type ArchiveFile, digestOf, dockerFiles, json, type LayerFile, ociFiles, writeArchive } from './image-archive.ts';
import { type Compression, type ContainerDefaults, compressor, imageConfig, imageManifest } from './image-documents.ts';
import { type LayerEntry, layerTar } from './layer-entry.ts';

export type { ContainerDefaults } from './image-documents.ts';
export type { FileContent, LayerEntry } from './layer-entry.ts';

export interface ImageOptions {
  /** Where the archive is written; an existing file is replaced at once when the new one is whole. */
  output: string;
  /** `localhost/busybox:1`, as a container runtime writes it in full. */
  names: string[];
  /** Lowest layer first. */
  layers: Iterable<LayerEntry>[];
  config?: ContainerDefaults;
  /** Default: this machine's, in GOARCH notation. */
  architecture?: string;
  /** Default gzip for `oci`; a `docker` archive's layers are never compressed. */
  compression?: Compression;
  /** `oci`: OCI image layout in a tar. `docker`: what `docker save` wrote before version 25. */
  format?: 'oci' | 'docker';
}

export interface BuiltImage {
  path: string;
  names: string[];
  /** The image's id: the digest of its configuration. */
  id: string;
  /** Undefined for a docker archive, which has no manifest. */
  manifestDigest: string | undefined;
  layers: BuiltLayer[];
}

export interface BuiltLayer {
  /** Of the bytes in the archive, compressed or not. */
  digest: string;
  /** Of the uncompressed tar. */
  diffId: string;
  /** Bytes in the archive. */
  size: number;
}

/**
 * Builds an image archive from nothing but the entries given: no registry, no container engine, no root. The same
 * options give the same digests.
 */
export async function buildImage(options: ImageOptions): Promise<BuiltImage> {
  const scratch = await mkdtemp(join(dirname(options.output), '.image-'));
  try {
    const docker = options.format === 'docker';
    const compression = docker ? 'none' : (options.compression ?? 'gzip');
    const layers: LayerFile[] = [];
    for (const entries of options.layers) layers.push(await writeLayer(entries, compression, join(scratch, `layer-${layers.length}`)));
    const config = json(imageConfig({ ...options, diffIds: layers.map(({ diffId }) => diffId) }));
    const image = { path: options.output, names: options.names, id: digestOf(config), layers: layers.map(({ path, ...layer }) => layer) };

    const partial = join(scratch, 'archive');
    const manifest = docker
      ? undefined
      : json(
          imageManifest(
            config,
            layers.map((layer) => ({ ...layer, compression })),
          ),
        );
    await writeArchive(partial, archiveFiles(options, config, manifest, layers));
    await rename(partial, options.output);
    return { ...image, manifestDigest: manifest && digestOf(manifest) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function archiveFiles({ names }: ImageOptions, config: Buffer, manifest: Buffer | undefined, layers: LayerFile[]): ArchiveFile[] {
  return manifest ? ociFiles(names, config, manifest, layers) : dockerFiles(names, config, layers);
}

async function writeLayer(entries: Iterable<LayerEntry>, compression: Compression, path: string): Promise<LayerFile> {
  const uncompressed = createHash('sha256');
  const compressed = createHash('sha256');
  await pipeline(layerTar(entries), hashing(uncompressed), compressor(compression), hashing(compressed), createWriteStream(path));
  return {
    path,
    digest: `sha256:${compressed.digest('hex')}`,
    diffId: `sha256:${uncompressed.digest('hex')}`,
    size: (await stat(path)).size,
  };
}

function hashing(hash: ReturnType<typeof createHash>) {
  return async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
}

export interface BusyboxImageOptions extends Pick<ImageOptions, 'output' | 'format' | 'config'> {
  /** A statically linked busybox: `/bin/busybox` of Debian's busybox-static. */
  busybox: string;
  /** Default `localhost/busybox:1`. */
  name?: string;
  /** Put into the same layer, after busybox's own. */
  extra?: LayerEntry[];
}

const passwd = `root:x:0:0:root:/root:/bin/sh
app:x:1000:1000:app:/home/app:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
`;
const group = `root:x:0:
app:x:1000:
nobody:x:65534:
`;

const searchPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A small Linux system of one static binary: every applet, the users root, app (1000) and nobody, /tmp, /www; runs `sh`. */
export async function busyboxImage(options: BusyboxImageOptions): Promise<BuiltImage> {
  return buildImage({
    output: options.output,
    names: [options.name ?? 'localhost/busybox:1'],
    layers: [[...(await busyboxLayer(options.busybox)), ...(options.extra ?? [])]],
    config: { Env: [searchPath], Cmd: ['sh'], ...options.config },
    ...(options.format ? { format: options.format } : {}),
  });
}

/** The layer of such a system, for images with more layers above it. Throws what is wrong with a busybox that doesn't run. */
export async function busyboxLayer(path: string): Promise<LayerEntry[]> {
  const busybox = await realpath(path);
  const [applets, { size }] = await Promise.all([appletsOf(busybox), stat(busybox)]);
  const directories = ['bin', 'etc', 'dev', 'proc', 'sys', 'run', 'var', 'www'];
  return [
    ...directories.map((path): LayerEntry => ({ type: 'directory', path })),
    { type: 'directory', path: 'root', mode: 0o700 },
    { type: 'directory', path: 'tmp', mode: 0o1777 },
    { type: 'directory', path: 'home' },
    { type: 'directory', path: 'home/app', uid: 1000, gid: 1000 },
    { type: 'file', path: 'etc/passwd', content: passwd },
    { type: 'file', path: 'etc/group', content: group },
    { type: 'file', path: 'bin/busybox', mode: 0o755, content: { file: busybox, size } },
    ...applets.map((applet): LayerEntry => ({ type: 'symlink', path: `bin/${applet}`, target: 'busybox' })),
  ];
}

async function appletsOf(busybox: string): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)(busybox, ['--list'], { timeout: 10_000 });
    return stdout
      .split('\n')
      .filter((applet) => applet !== '' && applet !== 'busybox')
      .toSorted();
  } catch (error) {
    throw PluginError.from(error, 'FAILED_PRECONDITION', {
      object: `busybox ${busybox}`,
      hint: 'give the path of a static busybox that runs on this machine (Debian: busybox-static)',
    });
  }
}
