import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { readJsonFiles, removeJson, removeStalePartials, writeJson } from '../files/json-file.ts';

interface UserRecord {
  user: string;
  image: string;
}

/** The containers that use images, a file for each: what one uses isn't removed. */
export class ImageUsers {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  put(user: string, image: string): Promise<void> {
    return writeJson(this.#file(user), { user, image } satisfies UserRecord);
  }

  remove(user: string): Promise<void> {
    return removeJson(this.#file(user));
  }

  /** FAILED_PRECONDITION if anybody uses the image with this id; `reference` is what the caller calls it. */
  async checkUnused(image: string, reference: string): Promise<void> {
    const records = await readJsonFiles<UserRecord>(this.#directory);
    const [first, ...others] = records.filter((record) => record.image === image);
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

  #file(user: string): string {
    if (/^[\w.-]{1,200}$/.test(user)) return join(this.#directory, `${user}.json`);
    throw new PluginError('INVALID_ARGUMENT', 'it is no container id', { object: `image user ${JSON.stringify(user)}` });
  }
}
