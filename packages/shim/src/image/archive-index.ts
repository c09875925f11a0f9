import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import type { Header } from 'tar-stream';
import { longestManifest } from './manifest.ts';
import { readTar } from './tar-reader.ts';

interface Entry {
  /** Of the entry's content in the file. */
  offset: number;
  size: number;
}

/** `docker save` of old versions links a layer that is there twice. */
const mostLinks = 10;

const headBytes = 16;

/** Where each file of a tar lies, so that it can be read in any order. The tar must not be compressed. */
export class ArchiveIndex {
  readonly #path: string;
  readonly #object: string;
  readonly #entries: Map<string, Entry>;
  readonly #links: Map<string, string>;

  private constructor(path: string, object: string, entries: Map<string, Entry>, links: Map<string, string>) {
    this.#path = path;
    this.#object = object;
    this.#entries = entries;
    this.#links = links;
  }

  /** Reads through the whole file once. `object` names it in errors. */
  static async read(path: string, object: string, signal: AbortSignal): Promise<ArchiveIndex> {
    const entries = new Map<string, Entry>();
    const links = new Map<string, string>();
    const note = (header: Header & { byteOffset?: number }) => {
      const name = posix.normalize(header.name);
      if (header.type === 'symlink') links.set(name, posix.join(posix.dirname(name), header.linkname));
      else if (header.type === 'link') links.set(name, posix.normalize(header.linkname));
      else if (header.type === 'file') entries.set(name, { offset: header.byteOffset ?? 0, size: header.size });
    };
    try {
      await readTar(createReadStream(path), [], note, signal);
    } catch (error) {
      throw PluginError.from(error, 'INVALID_ARGUMENT', { object, hint: 'give a file made by docker save, podman save or skopeo' });
    }
    return new ArchiveIndex(path, object, entries, links);
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  size(name: string): number {
    return this.#entry(name).size;
  }

  /** For manifests and the like: refuses what is too long for one. */
  async read(name: string): Promise<Buffer> {
    const { size } = this.#entry(name);
    if (size > longestManifest)
      throw new PluginError('INVALID_ARGUMENT', `its file ${quoted(name)} is longer than ${longestManifest} bytes`, {
        object: this.#object,
      });
    return buffer(this.open(name));
  }

  /** The first bytes, enough to know a compressed file by. */
  async head(name: string): Promise<Buffer> {
    const { offset, size } = this.#entry(name);
    return size > 0
      ? buffer(createReadStream(this.#path, { start: offset, end: offset + Math.min(size, headBytes) - 1 }))
      : Buffer.alloc(0);
  }

  /** A file's bytes behind the first `from` ones. */
  async *open(name: string, from = 0): AsyncGenerator<Uint8Array> {
    const { offset, size } = this.#entry(name);
    if (size > from) yield* createReadStream(this.#path, { start: offset + from, end: offset + size - 1 });
  }

  #entry(name: string): Entry {
    const entry = this.#find(name);
    if (entry) return entry;
    throw new PluginError('DATA_LOSS', `it lacks the file ${quoted(name)}`, {
      object: this.#object,
      hint: 'make the archive again',
    });
  }

  #find(name: string): Entry | undefined {
    let at = posix.normalize(name);
    for (let links = 0; links < mostLinks; links++) {
      const target = this.#links.get(at);
      if (target === undefined) return this.#entries.get(at);
      at = target;
    }
    return undefined;
  }
}
