import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import { readJsonFiles, removeJson, removeStalePartials, writeJson } from '../files/json-file.ts';

interface UserRecord {
  user: string;
  image: string;
  /** Whose user it is: the handler of a shim. */
  owner: string;
}

/** The containers that use images, a file for each: what one uses isn't removed. */
export class ImageUsers {
  readonly #directory: string;
  readonly #owner: string;

  /** `owner` tells this shim's users from those of others that share the images. */
  constructor(directory: string, owner: string) {
    this.#directory = directory;
    this.#owner = owner;
  }

  put(user: string, image: string): Promise<void> {
    return writeJson(this.#file(user), { user, image, owner: this.#owner } satisfies UserRecord);
  }

  remove(user: string): Promise<void> {
    return removeJson(this.#file(user));
  }

  /** Removes this owner's users that are none any more. */
  async removeOthers(isUser: (user: string) => boolean): Promise<void> {
    for (const { user, owner } of await this.#all()) {
      if (owner === this.#owner && !isUser(user)) await this.remove(user);
    }
  }

  /** Ids of the images that somebody uses. */
  async images(): Promise<Set<string>> {
    return new Set((await this.#all()).map(({ image }) => image));
  }

  /** FAILED_PRECONDITION if anybody uses the image with this id; `reference` is what the caller calls it. */
  async checkUnused(image: string, reference: string): Promise<void> {
    const [first, ...others] = (await this.#all()).filter((record) => record.image === image);
    if (!first) return;
    throw new PluginError(
      'FAILED_PRECONDITION',
      `container ${first.user}${others.length > 0 ? ` and ${others.length} more` : ''} uses it`,
      {
        object: `image ${reference}`,
        hint: 'remove its containers first',
      },
    );
  }

  /** What writers that were killed have left. */
  removeLeftovers(): Promise<void> {
    return removeStalePartials(this.#directory);
  }

  #all(): Promise<UserRecord[]> {
    return readJsonFiles<UserRecord>(this.#directory);
  }

  #file(user: string): string {
    if (/^[\w.-]{1,200}$/.test(user)) return join(this.#directory, `${user}.json`);
    throw new PluginError('INVALID_ARGUMENT', 'it is no container id', { object: `image user ${quoted(user)}` });
  }
}
