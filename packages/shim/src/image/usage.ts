import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FilesystemUsage } from '@berth/sdk/cri';
import { readJson } from '../files/json-file.ts';
import { namesIn } from '../files/names-in.ts';
import type { UnpackedSize } from './unpack.ts';

/** What the images take on their file system, from the sizes noted while unpacking: no walk through all layers. */
export async function diskUsage(directory: string): Promise<FilesystemUsage[]> {
  const parts = await Promise.all([layersUsage(join(directory, 'layers')), blobsUsage(join(directory, 'blobs'))]);
  const sum = (key: keyof UnpackedSize) => BigInt(parts.reduce((total, part) => total + part[key], 0));
  return [
    {
      timestamp: BigInt(Date.now()) * 1_000_000n,
      fsId: { mountpoint: directory },
      usedBytes: { value: sum('bytes') },
      inodesUsed: { value: sum('inodes') },
    },
  ];
}

async function layersUsage(directory: string): Promise<UnpackedSize> {
  const names = await namesIn(directory);
  const records = await Promise.all(names.map((name) => readJson<UnpackedSize>(join(directory, name, 'layer.json'))));
  return total(records.filter((record) => record !== undefined));
}

async function blobsUsage(directory: string): Promise<UnpackedSize> {
  const names = await namesIn(directory);
  const sizes = await Promise.all(
    names.map((name) =>
      lstat(join(directory, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return { bytes: sizes.reduce((sum, size) => sum + size, 0), inodes: names.length };
}

function total(sizes: UnpackedSize[]): UnpackedSize {
  return sizes.reduce((sum, { bytes, inodes }) => ({ bytes: sum.bytes + bytes, inodes: sum.inodes + inodes }), { bytes: 0, inodes: 0 });
}
