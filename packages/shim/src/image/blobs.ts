import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { absent } from '../files/absent.ts';
import { withLock } from '../files/file-lock.ts';
import { namesIn } from '../files/names-in.ts';
import { syncDirectory } from '../files/sync-directory.ts';
import { hexOf, Meter } from './digest.ts';

/** What a manifest says of a blob (image-spec descriptor.md). */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/**
 * Manifests, configurations and layers as they came, by digest. Layers stay after they have been unpacked: they are
 * what a layer is unpacked from again after a power cut, and what an image is saved or pushed from.
 */
export class Blobs {
  readonly #directory: string;
  readonly #incoming: string;

  /** Blobs lie in `directory`; `incoming`, on the same file system, holds those not yet whole. */
  constructor(directory: string, incoming: string) {
    this.#directory = directory;
    this.#incoming = incoming;
  }

  path(digest: string): string {
    return join(this.#directory, this.#hex(digest));
  }

  async has(digest: string): Promise<boolean> {
    return (await stat(this.path(digest)).catch(absent)) !== undefined;
  }

  read(digest: string): Promise<Buffer> {
    return readFile(this.path(digest));
  }

  /**
   * Takes a blob in, unless it is there. The bytes are checked as they come, and the blob counts when it is whole and on
   * disk. Others that want the same blob wait for this one.
   */
  async add(
    { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
    source: () => AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    if (await this.has(digest)) return;
    await mkdir(this.#incoming, { recursive: true, mode: 0o700 });
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const partial = join(this.#incoming, this.#hex(digest));
    await withLock(`${partial}.lock`, signal, async () => {
      if (await this.has(digest)) return;
      try {
        await this.#write(partial, { digest, size }, source(), signal);
        await rename(partial, this.path(digest));
        await syncDirectory(this.#directory);
      } catch (error) {
        await rm(partial, { force: true });
        throw PluginError.from(error, 'INTERNAL', { object: `blob ${digest}` });
      }
    });
  }

  /** All blobs, with the time when each had come whole. */
  async list(): Promise<{ digest: string; modifiedMs: number }[]> {
    const found = (await namesIn(this.#directory)).map(async (name) => {
      const status = await stat(join(this.#directory, name)).catch(absent);
      return status && { digest: `sha256:${name}`, modifiedMs: status.mtimeMs };
    });
    return (await Promise.all(found)).filter((blob) => blob !== undefined);
  }

  /** Takes a blob away at once and gives the file that is left to be deleted. */
  async detach(digest: string): Promise<string> {
    await mkdir(this.#incoming, { recursive: true, mode: 0o700 });
    const detached = join(this.#incoming, `removed-${randomUUID()}`);
    await rename(this.path(digest), detached);
    return detached;
  }

  async #write(
    partial: string,
    expected: { digest: string; size: number },
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const meter = new Meter();
    const file = await open(partial, 'w', 0o600);
    try {
      for await (const chunk of meter.through(source)) {
        signal.throwIfAborted();
        if (meter.bytes > expected.size) throw corrupt(expected.digest, `it is longer than the ${expected.size} bytes announced`);
        await file.writeFile(chunk);
      }
      if (meter.bytes < expected.size) throw corrupt(expected.digest, `it ended after ${meter.bytes} of ${expected.size} bytes`);
      const digest = meter.digest();
      if (digest !== expected.digest) throw corrupt(expected.digest, `its bytes have the digest ${digest}`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #hex(digest: string): string {
    const hex = hexOf(digest);
    if (hex) return hex;
    throw new PluginError('UNIMPLEMENTED', 'only sha256 digests are supported', {
      object: `blob ${JSON.stringify(digest)}`,
      hint: 'push the image with sha256 digests',
    });
  }
}

function corrupt(digest: string, what: string): PluginError {
  return new PluginError('DATA_LOSS', what, {
    object: `blob ${digest}`,
    hint: 'try again; if it stays so, the image is broken at its source',
  });
}
