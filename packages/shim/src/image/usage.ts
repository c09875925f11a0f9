import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FilesystemUsage } from '@berth/sdk/cri';
import { addSpace, type DiskSpace, spaceOf } from '@berth/sdk/disk-space';
import { absent } from '../files/absent.ts';
import { readJson } from '../files/json-file.ts';
import { namesIn } from '../files/names-in.ts';
import { type LayerRecord, layerRecordName } from './layers.ts';

/**
 * What the images take of their file system, as du(1) counts it. Layers were measured when they were unpacked: none is walked
 * through. A layer that is just being unpacked isn't counted.
 */
export async function diskUsage(directory: string): Promise<FilesystemUsage[]> {
  const folders = (await namesIn(directory)).map((name) =>
    name === 'layers' ? layersSpace(join(directory, name)) : shallow(join(directory, name)),
  );
  const total = sum([await own(directory), ...(await Promise.all(folders))]);
  return [
    {
      timestamp: BigInt(Date.now()) * 1_000_000n,
      fsId: { mountpoint: directory },
      usedBytes: { value: BigInt(total.bytes) },
      inodesUsed: { value: BigInt(total.inodes) },
    },
  ];
}

async function layersSpace(directory: string): Promise<DiskSpace> {
  const layers = (await namesIn(directory)).map(async (name) => {
    const path = join(directory, name, layerRecordName);
    const record = await readJson<LayerRecord>(path);
    return sum([await own(path), record?.space ?? noSpace]);
  });
  return sum([await own(directory), ...(await Promise.all(layers))]);
}

/** Of a directory and what lies right in it. */
async function shallow(path: string): Promise<DiskSpace> {
  const stats = await lstat(path).catch(absent);
  const names = stats?.isDirectory() ? await namesIn(path) : [];
  return sum([stats ? spaceOf(stats) : noSpace, ...(await Promise.all(names.map((name) => own(join(path, name)))))]);
}

const noSpace: DiskSpace = { bytes: 0, inodes: 0 };

async function own(path: string): Promise<DiskSpace> {
  const stats = await lstat(path).catch(absent);
  return stats ? spaceOf(stats) : noSpace;
}

function sum(parts: DiskSpace[]): DiskSpace {
  const total = { ...noSpace };
  for (const part of parts) addSpace(total, part);
  return total;
}
