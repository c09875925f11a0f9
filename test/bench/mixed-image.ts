import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type BuiltImage, buildImage, type ImageOptions, type LayerEntry } from '@berth/conformance/image-builder';
import { repository } from '../fixtures/tools.ts';

/** Each layer takes of a tree of this checkout, in the order of names, until it holds so many bytes: libraries, programs, and an application of small files. */
const layers = [
  { from: '.cache/debian/usr/lib', to: 'usr/lib', size: 50e6, largestFile: 40e6 },
  { from: '.cache/debian/usr/bin', to: 'usr/bin', size: 86e6, largestFile: 40e6 },
  { from: 'node_modules', to: 'app/node_modules', size: 58e6, largestFile: 2e6 },
];

type Room = Pick<(typeof layers)[number], 'size' | 'largestFile'>;

export interface MixedImage extends BuiltImage {
  files: number;
  /** Of the file contents. */
  bytes: number;
}

/** Builds an image as applications have them: three layers of real programs, libraries and sources, 200 MB in some thousand files. The same checkout gives the same digests. */
export async function buildMixedImage(output: string, compression: ImageOptions['compression']): Promise<MixedImage> {
  const trees = layers.map(({ from, to, ...room }) => [...tree(join(repository, from), to, room)]);
  const image = await buildImage({ output, names: ['localhost/mixed:1'], layers: trees, ...(compression && { compression }) });
  const sizes = trees.flat().flatMap((entry) => (entry.type === 'file' ? [sizeOf(entry)] : []));
  return { ...image, files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** A directory of this host as entries of a layer. Takes from `room` what it fills. */
function* tree(directory: string, path: string, room: Room): Generator<LayerEntry> {
  yield { type: 'directory', path };
  for (const name of readdirSync(directory).toSorted()) {
    if (room.size <= 0) return;
    const [file, at] = [join(directory, name), `${path}/${name}`];
    const stats = lstatSync(file);
    if (stats.isDirectory()) yield* tree(file, at, room);
    else if (stats.isSymbolicLink()) yield { type: 'symlink', path: at, target: readlinkSync(file) };
    else if (stats.isFile() && stats.size <= room.largestFile) {
      room.size -= stats.size;
      yield { type: 'file', path: at, mode: stats.mode & 0o777, content: { file, size: stats.size } };
    }
  }
}

function sizeOf(entry: LayerEntry & { type: 'file' }): number {
  return typeof entry.content === 'object' && 'size' in entry.content ? entry.content.size : entry.content.length;
}
