import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiskSpace, spaceBelow } from '@berth/sdk/disk-space';
import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import { absent } from '../files/absent.ts';
import { withLock } from '../files/file-lock.ts';
import { readJson, writeJson } from '../files/json-file.ts';
import { namesIn } from '../files/names-in.ts';
import { syncDirectory } from '../files/sync-directory.ts';
import { syscalls } from '../syscalls.ts';
import { digestOf, hexOf } from './digest.ts';
import { type UnpackedSize, unpackLayer } from './unpack.ts';

/** An unpacked layer. */
export interface Layer extends UnpackedSize {
  /** Digest of it and all layers below it (image-spec config.md, ChainID): a layer looks different on another base. */
  chainId: string;
  /** What overlayfs takes as a lower directory. */
  directory: string;
}

/** What is noted beside a layer. */
export interface LayerRecord extends UnpackedSize {
  chainId: string;
  /** What its folder takes of the disk, but for this record itself. */
  space: DiskSpace;
}

export const layerRecordName = 'layer.json';

/** Unpacked layers, one folder each, named by its chain id: `fs` is the layer, `layer.json` tells of it. The folder appears whole, by a rename. */
export class Layers {
  readonly #directory: string;
  readonly #incoming: string;

  /** Layers lie in `directory`; `incoming` see SharedStore. */
  constructor(directory: string, incoming: string) {
    this.#directory = directory;
    this.#incoming = incoming;
  }

  async find(chainId: string): Promise<Layer | undefined> {
    const folder = this.#folder(chainId);
    const record = await this.#record(folder);
    return record && { ...record, directory: join(folder, 'fs') };
  }

  /** The unpacked layer, made if it isn't there. `below`: its lower layers, topmost first. Others that want the same one wait. */
  async unpack(blob: string, diffId: string, below: Layer[], signal: AbortSignal): Promise<Layer> {
    const chainId = chainIdOf(below[0]?.chainId, diffId);
    const found = await this.find(chainId);
    if (found) return found;
    await mkdir(this.#incoming, { recursive: true, mode: 0o700 });
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const folder = join(this.#incoming, `layer-${nameOf(chainId)}`);
    return withLock(`${folder}.lock`, signal, async () => {
      const meanwhile = await this.find(chainId);
      if (meanwhile) return meanwhile;
      try {
        await rm(folder, { recursive: true, force: true });
        await mkdir(folder, { mode: 0o700 });
        const lowers = below.map(({ directory }) => directory);
        const size = await unpackLayer({ blob, diffId, lowers }, join(folder, 'fs'), signal);
        const [space] = await Promise.all([spaceBelow(folder), syncFilesystemOf(folder)]);
        await writeJson(join(folder, layerRecordName), { chainId, ...size, space } satisfies LayerRecord);
        return { chainId, ...size, directory: join(await this.#publish(folder, chainId), 'fs') };
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
    });
  }

  /** All layers, with the time when each was made. */
  async list(): Promise<{ chainId: string; modifiedMs: number; folder: string }[]> {
    const found = (await namesIn(this.#directory)).map(async (name) => {
      const folder = join(this.#directory, name);
      const status = await stat(folder).catch(absent);
      return status && { chainId: (await this.#record(folder))?.chainId ?? '', modifiedMs: status.mtimeMs, folder };
    });
    return (await Promise.all(found)).filter((layer) => layer !== undefined);
  }

  /** Takes a layer that `list` gave away at once, and gives the folder that is left to be deleted. */
  async detach(folder: string): Promise<string> {
    await mkdir(this.#incoming, { recursive: true, mode: 0o700 });
    const detached = join(this.#incoming, `removed-${randomUUID()}`);
    await rename(folder, detached);
    return detached;
  }

  #folder(chainId: string): string {
    return join(this.#directory, nameOf(chainId));
  }

  #record(folder: string): Promise<LayerRecord | undefined> {
    return readJson<LayerRecord>(join(folder, layerRecordName));
  }

  async #publish(folder: string, chainId: string): Promise<string> {
    const target = this.#folder(chainId);
    // What has the name, but no record, is damaged.
    await this.detach(target).catch(absent);
    await rename(folder, target);
    await syncDirectory(this.#directory);
    return target;
  }
}

/** One sync for thousands of files: after a power cut a layer that is there must be whole. */
async function syncFilesystemOf(folder: string): Promise<void> {
  const directory = await open(folder);
  try {
    await syscalls().syncFilesystem(directory.fd);
  } finally {
    await directory.close();
  }
}

/** Chain ids of an image's layers (image-spec config.md, Layer ChainID), in the order of `diffIds`: lowest first. */
export function chainIdsOf(diffIds: string[]): string[] {
  const chainIds: string[] = [];
  for (const diffId of diffIds) chainIds.push(chainIdOf(chainIds.at(-1), diffId));
  return chainIds;
}

function chainIdOf(below: string | undefined, diffId: string): string {
  return below === undefined ? diffId : digestOf(`${below} ${diffId}`);
}

function nameOf(chainId: string): string {
  const hex = hexOf(chainId);
  if (hex) return hex;
  throw new PluginError('UNIMPLEMENTED', 'only sha256 digests are supported', {
    object: `layer ${quoted(chainId)}`,
    hint: 'build the image with sha256 digests',
  });
}
