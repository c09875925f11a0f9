import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { FilesystemUsage, Image } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { nameOf, parseReference, repositoryOf } from '@berth/sdk/image-reference';
import { readJson, readJsonFiles, writeJson } from '../files/json-file.ts';
import { namesIn } from '../files/names-in.ts';
import { digestOf, hexOf } from './digest.ts';
import type { Images, PullOptions, UsableImage } from './images.ts';
import { digitsOf } from './records.ts';
import { ImageUsers } from './users.ts';

interface NamedImage {
  id: string;
  name: string;
  repository: string;
}

interface NamedImagesOptions {
  /** Milliseconds that a pull takes, asked at its start; what it throws is the pull's failure. Default: none. */
  delay?(reference: string, options: PullOptions): number;
}

/** CRI wants a size above zero; a name has none to measure. */
const nominalSize = 1n;

/**
 * Images that are only names, for a runtime without root file systems: every well-formed name can be pulled, from
 * nowhere. The id is the digest of the name in full. Which were pulled, and who uses them, is kept under `directory`.
 */
export class NamedImages implements Images {
  readonly #directory: string;
  readonly #records: string;
  readonly #users: ImageUsers;
  readonly #delay: NonNullable<NamedImagesOptions['delay']>;

  constructor(directory: string, { delay }: NamedImagesOptions = {}) {
    this.#directory = directory;
    this.#records = join(directory, 'records');
    this.#users = new ImageUsers(join(directory, 'users'), 'names');
    this.#delay = delay ?? (() => 0);
  }

  async pull(reference: string, options: PullOptions, signal: AbortSignal): Promise<string> {
    const parsed = parseReference(reference);
    const name = nameOf(parsed);
    const id = digestOf(name);
    await setTimeout(this.#delay(reference, options), undefined, { signal }).catch((cause) => {
      throw new PluginError('CANCELLED', 'the pull was ended', { object: `image ${name}`, cause });
    });
    await writeJson(this.#imageFile(id), { id, name, repository: repositoryOf(parsed) } satisfies NamedImage);
    return id;
  }

  async list(): Promise<Image[]> {
    return (await readJsonFiles<NamedImage>(this.#records)).map(criImage);
  }

  async status(reference: string): Promise<Image | undefined> {
    const image = await this.#find(reference);
    return image && criImage(image);
  }

  async remove(reference: string): Promise<void> {
    const image = await this.#find(reference);
    if (!image) return;
    await this.#users.checkUnused(image.id, reference);
    await rm(this.#imageFile(image.id), { force: true });
  }

  async usage(): Promise<FilesystemUsage[]> {
    const names = await namesIn(this.#records);
    return [
      {
        timestamp: BigInt(Date.now()) * 1_000_000n,
        fsId: { mountpoint: this.#directory },
        usedBytes: { value: BigInt(names.length) * nominalSize },
        inodesUsed: { value: BigInt(names.length) },
      },
    ];
  }

  async use(reference: string, user: string): Promise<UsableImage> {
    const image = await this.#find(reference);
    if (!image) throw new PluginError('NOT_FOUND', 'it is not on this node', { object: `image ${reference}`, hint: 'pull it first' });
    await this.#users.put(user, image.id);
    const config = { entrypoint: [], cmd: ['sh'], env: [], workingDir: '', user: '', stopSignal: '', volumes: [] };
    return { id: image.id, config, layers: [] };
  }

  async release(user: string): Promise<void> {
    await this.#users.remove(user);
  }

  async #find(reference: string): Promise<NamedImage | undefined> {
    const digits = digitsOf(reference);
    const byId = digits && (await readJsonFiles<NamedImage>(this.#records)).filter(({ id }) => id.startsWith(`sha256:${digits}`));
    if (byId && byId.length === 1) return byId[0];
    if (reference.startsWith('sha256:') || digits?.length === 64) return undefined;
    return readJson<NamedImage>(this.#imageFile(digestOf(nameOf(parseReference(reference)))));
  }

  #imageFile(id: string): string {
    return join(this.#records, `${hexOf(id)}.json`);
  }
}

function criImage({ id, name, repository }: NamedImage): Image {
  const isDigest = name.includes('@');
  return {
    id,
    repoTags: isDigest ? [] : [name],
    repoDigests: [isDigest ? name : `${repository}@${id}`],
    size: nominalSize,
    username: '',
    pinned: false,
  };
}
