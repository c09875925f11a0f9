import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PluginConfig } from '@berth/sdk/cni/types';
import { CniError, errorCodes, isObject, parseObject } from '@berth/sdk/cni/types';
import { isUnfinished, removeReplacedFile, replaceFile } from '@berth/sdk/replace-file';

/** What a container's file holds: the delegated plugin's configuration, or nothing that can be read. */
export type Scratch = PluginConfig | 'unreadable';

/** Keeps what each container was delegated with, in a file of its id: the reference plugin's name and format. */
export class ScratchFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The file of a container. */
  file(containerId: string): string {
    return join(this.#directory, containerId);
  }

  /** Keeps a configuration; an older one of the container is replaced as a whole or not at all. */
  async write(containerId: string, config: PluginConfig): Promise<void> {
    const file = this.file(containerId);
    try {
      await replaceFile(file, JSON.stringify(sorted(config)), { mode: 0o600, directoryMode: 0o700 });
    } catch (cause) {
      throw new CniError(errorCodes.ioFailure, (cause as Error).message, {
        object: file,
        cause,
        hint: 'set dataDir to a directory that can be written',
      });
    }
  }

  /** What is kept of a container; undefined where nothing is. */
  async read(containerId: string): Promise<Scratch | undefined> {
    const text = await readFile(this.file(containerId), 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return undefined;
      throw new CniError(errorCodes.ioFailure, cause.message, { object: this.file(containerId), cause });
    });
    if (text === undefined) return undefined;
    const config = parseObject(text);
    return typeof config?.type === 'string' && config.type !== '' ? { ...config, type: config.type } : 'unreadable';
  }

  /** Puts back what was kept before. */
  async restore(containerId: string, earlier: Scratch | undefined): Promise<void> {
    if (isObject(earlier)) await this.write(containerId, earlier);
    else await this.remove(containerId);
  }

  async remove(containerId: string): Promise<void> {
    await removeReplacedFile(this.file(containerId));
  }

  /** What is kept of a network's containers, by their ids. */
  async ofNetwork(network: string): Promise<Map<string, PluginConfig>> {
    const entries = await readdir(this.#directory, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return [];
      throw new CniError(errorCodes.ioFailure, cause.message, { object: this.#directory, cause });
    });
    const ids = entries.filter((entry) => entry.isFile() && !isUnfinished(entry.name)).map(({ name }) => name);
    const kept = await Promise.all(ids.map(async (id) => [id, await this.read(id)] as const));
    return new Map(kept.flatMap(([id, scratch]) => (isObject(scratch) && scratch.name === network ? [[id, scratch]] : [])));
  }
}

/** With the keys of every object in order, as Go writes maps. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key])]),
  );
}
