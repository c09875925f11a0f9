import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import { absent } from '../files/absent.ts';
import { removeLocked, withLock } from '../files/file-lock.ts';
import { namesIn } from '../files/names-in.ts';
import { syncDirectory } from '../files/sync-directory.ts';
import { hexOf, Meter } from './digest.ts';

/** What a manifest says of a blob (image-spec descriptor.md). */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** What is asked about the source of a blob whose bytes are wrong. */
interface SourceChecks {
  /** Whose bytes they are, for the error: `image a.example/app:1, from registry a.example`. */
  origin?: () => string | undefined;
  /** Told why the bytes are wrong: gives whether they are to be fetched once more, from elsewhere. Must refuse at some time. */
  reject?: (reason: string) => boolean;
}

/**
 * Manifests, configurations and layers as they came, by digest. Layers stay after they have been unpacked: they are
 * what a layer is unpacked from again after a power cut, and what an image is saved or pushed from.
 */
export class Blobs {
  readonly #directory: string;
  readonly #ingest: string;
  readonly #incoming: string;

  /** Blobs lie in `directory`; `ingest`, on the same file system, holds those not yet whole, to be gone on with; `incoming` see SharedStore. */
  constructor(directory: string, ingest: string, incoming: string) {
    this.#directory = directory;
    this.#ingest = ingest;
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
   * disk. Others that want the same blob wait for this one. `source` gives the bytes from an offset on: what came before a connection
   * was cut, or a process killed, is kept for the next attempt.
   */
  async add(
    { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
    source: (from: number) => AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    { origin = () => undefined, reject = () => false }: SourceChecks = {},
  ): Promise<void> {
    if (await this.has(digest)) return;
    await mkdir(this.#ingest, { recursive: true, mode: 0o700 });
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const partial = this.#partial(digest);
    await withLock(`${partial}.lock`, signal, async () => {
      if (await this.has(digest)) return;
      try {
        await this.#complete(partial, { digest, size }, source, signal, reject);
        await rename(partial, this.path(digest));
        await syncDirectory(this.#directory);
      } catch (error) {
        const failure =
          error instanceof WrongBytes
            ? corrupt(digest, error.message, origin())
            : PluginError.from(error, 'INTERNAL', { object: `blob ${digest}` });
        const { size: kept = 0 } = (await stat(partial).catch(absent)) ?? {};
        if (kept === 0 || !isWorthKeeping(failure)) await rm(partial, { force: true });
        throw failure;
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

  /** Removes what nobody has gone on with since `before`. */
  async removeAbandoned(before: Date): Promise<void> {
    const names = new Set((await namesIn(this.#ingest)).map((name) => name.replace(/\.lock$/, '')));
    for (const name of names) {
      const partial = join(this.#ingest, name);
      const { mtime } = (await stat(partial).catch(absent)) ?? {};
      if (!mtime || mtime < before) await removeLocked(`${partial}.lock`, () => rm(partial, { force: true }));
    }
  }

  /** What a process that was killed left may be damaged, after a power cut above all: it gets one attempt, then none of it counts. */
  async #complete(
    partial: string,
    expected: { digest: string; size: number },
    source: (from: number) => AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    reject: (reason: string) => boolean,
  ): Promise<void> {
    const { size = 0 } = (await stat(partial).catch(absent)) ?? {};
    for (let from = size <= expected.size ? size : 0; ; from = 0) {
      if (from === 0) await rm(partial, { force: true });
      try {
        return await this.#write(partial, from, expected, source, signal);
      } catch (error) {
        if (!(error instanceof WrongBytes) || (from === 0 && !reject(error.message))) throw error;
      }
    }
  }

  /** Goes on behind the first `from` bytes. */
  async #write(
    partial: string,
    from: number,
    expected: { digest: string; size: number },
    source: (from: number) => AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const meter = new Meter();
    if (from > 0) for await (const _ of meter.through(createReadStream(partial, { end: from - 1, signal })));
    const file = await open(partial, 'a', 0o600);
    try {
      for await (const chunk of meter.through(from < expected.size ? source(from) : Readable.from([]))) {
        signal.throwIfAborted();
        if (meter.bytes > expected.size) throw new WrongBytes(`it is longer than the ${expected.size} bytes announced`);
        await file.writeFile(chunk);
      }
      if (meter.bytes < expected.size) throw new WrongBytes(`it ended after ${meter.bytes} of ${expected.size} bytes`);
      const digest = meter.digest();
      if (digest !== expected.digest) throw new WrongBytes(`its bytes have the digest ${digest}`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #partial(digest: string): string {
    return join(this.#ingest, this.#hex(digest));
  }

  #hex(digest: string): string {
    const hex = hexOf(digest);
    if (hex) return hex;
    throw new PluginError('UNIMPLEMENTED', 'only sha256 digests are supported', {
      object: `blob ${quoted(digest)}`,
      hint: 'push the image with sha256 digests',
    });
  }
}

/** Wrong bytes, and those that a full disk wants back, are no beginning to go on from. */
function isWorthKeeping({ code }: PluginError): boolean {
  return code !== 'DATA_LOSS' && code !== 'RESOURCE_EXHAUSTED';
}

/** Not those that the manifest announces; its message says why. */
class WrongBytes extends Error {}

function corrupt(digest: string, what: string, origin: string | undefined): PluginError {
  return new PluginError('DATA_LOSS', what, {
    object: `blob ${digest}${origin === undefined ? '' : ` of ${origin}`}`,
    hint: 'try again; if it stays so, the image is broken at its source',
  });
}
