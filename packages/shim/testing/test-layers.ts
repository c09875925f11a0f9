import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildImage, type LayerEntry } from '@berth/conformance/image-builder';
import { digestOf } from '../src/image/digest.ts';
import { type UnpackedSize, unpackLayer } from '../src/image/unpack.ts';
import { type RawEntry, rawTar } from './raw-tar.ts';

type Compression = 'none' | 'gzip' | 'zstd';

/** Why no layer can be unpacked here; false if one can. */
export const unpackingNeeds = process.getuid?.() === 0 ? false : 'unpacking needs root';

export interface Unpacked {
  target: string;
  size: UnpackedSize;
  /** Where a path of the layer lies. */
  at(path: string): string;
}

/** Layers made and unpacked in a folder of their own. */
export class TestLayers {
  readonly directory = mkdtempSync(join(tmpdir(), 'berth-layers-'));
  #serial = 0;

  /** A path that nothing has yet. */
  fresh(): string {
    return join(this.directory, String(this.#serial++));
  }

  async make(entries: LayerEntry[], compression: Compression = 'gzip'): Promise<{ blob: string; diffId: string }> {
    const output = this.fresh();
    const { layers } = await buildImage({ output, names: ['localhost/test:1'], layers: [entries], compression });
    await promisify(execFile)('tar', ['xf', output, '-C', this.directory, 'blobs']);
    const [layer] = layers;
    return { blob: join(this.directory, 'blobs', layer?.digest.replace(':', '/') ?? ''), diffId: layer?.diffId ?? '' };
  }

  async unpack(entries: LayerEntry[], lowers: string[] = [], compression?: Compression): Promise<Unpacked> {
    return this.#unpack(await this.make(entries, compression), lowers);
  }

  async unpackRaw(entries: RawEntry[], lowers: string[] = []): Promise<Unpacked> {
    const [blob, tar] = [this.fresh(), rawTar(entries)];
    await writeFile(blob, tar);
    return this.#unpack({ blob, diffId: digestOf(tar) }, lowers);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #unpack(layer: { blob: string; diffId: string }, lowers: string[]): Promise<Unpacked> {
    const target = this.fresh();
    const size = await unpackLayer({ ...layer, lowers }, target, AbortSignal.timeout(60_000));
    return { target, size, at: (path) => join(target, path) };
  }
}
