import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { nameOf, parseReference } from '@berth/sdk/image-reference';
import { quoted } from '@berth/sdk/quoted';
import { readJson, readJsonFiles, removeJson, removeStalePartials, writeJson } from '../files/json-file.ts';
import { digestOf, hexOf } from './digest.ts';
import type { InstalledImage } from './install.ts';

/** A name, by tag or by digest, and the image that it stands for. */
export interface NameRecord {
  name: string;
  image: string;
  /** Whoever removes images that nobody uses leaves this one alone. It stays with the name when that moves to another image. */
  pinned?: boolean;
}

const shortestPrefix = 12;

/**
 * What the store knows, one file per object: images by id, and their names. Each is replaced at once and
 * read afresh, so that every process sees what another one did. Changes that concern more than one are the caller's to lock.
 */
export class Records {
  readonly #images: string;
  readonly #names: string;

  constructor(directory: string) {
    this.#images = join(directory, 'records');
    this.#names = join(directory, 'names');
  }

  images(): Promise<InstalledImage[]> {
    return readJsonFiles<InstalledImage>(this.#images);
  }

  names(): Promise<NameRecord[]> {
    return readJsonFiles<NameRecord>(this.#names);
  }

  /** By name, id or unique prefix of an id; undefined if there is none. */
  async find(reference: string): Promise<InstalledImage | undefined> {
    const digits = digitsOf(reference);
    if (digits) {
      const found = await this.#findByPrefix(digits);
      if (found || reference.startsWith('sha256:') || digits.length === 64) return found;
    }
    if (reference.startsWith('sha256:')) throw malformedId(reference);
    const record = await readJson<NameRecord>(this.#nameFile(nameOf(parseReference(reference))));
    return record && readJson<InstalledImage>(this.#imageFile(record.image));
  }

  /** With its names, or, where that fails for a new image, without a trace. */
  async put(image: InstalledImage, names: string[]): Promise<void> {
    const known = await readJson<InstalledImage>(this.#imageFile(image.id));
    const blobs = new Set([...(known?.blobs ?? []), ...image.blobs]);
    try {
      await writeJson(this.#imageFile(image.id), { ...image, blobs: [...blobs] });
      // Tags last: one that has moved here already would be lost with the rest.
      const [digests, tags] = [names.filter(isDigestName), names.filter((name) => !isDigestName(name))];
      await this.name(image.id, [...digests, ...tags]);
    } catch (error) {
      if (!known) await this.remove(image.id);
      throw error;
    }
  }

  /** Gives a recorded image names, which others may have had. */
  async name(id: string, names: string[]): Promise<void> {
    for (const name of names) await this.#putName({ ...(await this.named(name)), name, image: id });
  }

  /** Takes one name away, with what a writer that was killed has left of it: writers hold the store's lock. The image stays. */
  async unname(name: string): Promise<void> {
    await removeJson(this.#nameFile(name));
  }

  /** Undefined for a name that no image has. */
  async named(name: string): Promise<NameRecord | undefined> {
    return readJson<NameRecord>(this.#nameFile(name));
  }

  async namesOf(id: string): Promise<NameRecord[]> {
    return (await this.names()).filter(({ image }) => image === id);
  }

  /** Marks names, or takes the mark away. */
  async pin(records: NameRecord[], pinned: boolean): Promise<void> {
    for (const { name, image } of records) await this.#putName({ name, image, ...(pinned && { pinned }) });
  }

  /** Names first: what a crash leaves is an image without names, not a name without an image. */
  async remove(id: string): Promise<void> {
    for (const { name } of await this.namesOf(id)) await this.unname(name);
    await removeJson(this.#imageFile(id));
  }

  /** What writers that were killed have left. */
  async removeLeftovers(): Promise<void> {
    for (const directory of [this.#images, this.#names]) await removeStalePartials(directory);
  }

  #putName(record: NameRecord): Promise<void> {
    return writeJson(this.#nameFile(record.name), record);
  }

  async #findByPrefix(digits: string): Promise<InstalledImage | undefined> {
    if (digits.length === 64) return readJson<InstalledImage>(this.#imageFile(`sha256:${digits}`));
    const found = (await this.images()).filter(({ id }) => id.startsWith(`sha256:${digits}`));
    if (found.length < 2) return found[0];
    throw new PluginError('INVALID_ARGUMENT', `it fits ${found.length} images`, { object: `image id ${digits}`, hint: 'give more digits' });
  }

  #imageFile(id: string): string {
    const hex = hexOf(id);
    if (!hex) throw malformedId(id);
    return join(this.#images, `${hex}.json`);
  }

  /** Names are longer than a file name may be. */
  #nameFile(name: string): string {
    return join(this.#names, `${hexOf(digestOf(name))}.json`);
  }
}

/** `repository@digest`, not `repository:tag`. */
export function isDigestName(name: string): boolean {
  return name.includes('@');
}

/** Whether the reference that found an image is its id, or the beginning of one. */
export function meansId(reference: string, id: string): boolean {
  const digits = digitsOf(reference);
  return digits !== undefined && id.startsWith(`sha256:${digits}`);
}

/** Those of an id, or of as much of one as may stand for it; undefined for what can only be a name. */
export function digitsOf(reference: string): string | undefined {
  return /^(?:sha256:)?([0-9a-f]{12,64})$/.exec(reference)?.[1];
}

function malformedId(id: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', 'it is no image id', {
    object: `image ${quoted(id)}`,
    hint: `give sha256: and at least ${shortestPrefix} digits`,
  });
}
