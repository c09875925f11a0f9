import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { readJson, writeJson } from './files/json-file.ts';
import { namesIn } from './files/names-in.ts';
import { syncDirectory } from './files/sync-directory.ts';
import { mountPoints } from './mount-points.ts';

/** The format of the records; one written by a newer shim is refused, not guessed at. */
const formatVersion = 1;

interface Stored<Record> {
  version: number;
  record: Record;
}

/**
 * A record file per object, `DIRECTORY/ID/record.json`: it is what a shim knows of an object after a restart. Writes of
 * one object land in the order they were asked for.
 */
export class ObjectFiles<Record> {
  readonly #directory: string;
  readonly #kind: string;
  readonly #tails = new Map<string, Promise<void>>();
  readonly #present = new Set<string>();
  /** Records that wait for room on the disk. */
  readonly #waiting = new Map<string, Record>();

  /** `kind` names the objects in errors: `sandbox`. */
  constructor(directory: string, kind: string) {
    this.#directory = directory;
    this.#kind = kind;
  }

  /** Makes the object's folder, with one for the runtime's files in it, and its first record. Durable when it resolves. */
  async create(id: string, record: Record): Promise<void> {
    this.#present.add(id);
    await this.#inOrder(id, async () => {
      await mkdir(join(this.#directory, id, 'runtime'), { recursive: true, mode: 0o700 });
      await syncDirectory(this.#directory);
    });
    await this.#write(id, record, { durable: true });
  }

  /**
   * Replaces the record. It outlives this process when this resolves; a power cut may take it back to the one before, for which all that
   * it tells of has ended as well. Does nothing for an object that has been removed.
   */
  async write(id: string, record: Record): Promise<void> {
    await this.#write(id, record, { durable: false });
  }

  /**
   * As `write`, for what has happened and can't be refused any more: where the disk is full the record is written with the next one
   * that finds room. Until then a restart finds the earlier record, and asks the runtime.
   */
  async note(id: string, record: Record): Promise<void> {
    try {
      await this.write(id, record);
    } catch (error) {
      if (PluginError.from(error).code !== 'RESOURCE_EXHAUSTED') throw error;
      if (this.#present.has(id)) this.#waiting.set(id, record);
    }
  }

  /** Removes the object's folder with all that is in it. FAILED_PRECONDITION while something is mounted below it. */
  async remove(id: string): Promise<void> {
    await this.#inOrder(id, async () => {
      await this.#checkUnmounted(id);
      await rm(join(this.#directory, id), { recursive: true, force: true });
      this.#present.delete(id);
      this.#waiting.delete(id);
    });
    await this.#writeWaiting();
  }

  /** All records; a folder whose record was never written is an object that was never begun, and is removed. */
  async readAll(): Promise<Map<string, Record>> {
    const found = new Map<string, Record>();
    for (const id of await namesIn(this.#directory)) {
      const record = await readObject<Record>(this.#directory, id, this.#kind);
      if (record === undefined) {
        await this.remove(id);
        continue;
      }
      found.set(id, record);
      this.#present.add(id);
    }
    return found;
  }

  async #write(id: string, record: Record, { durable }: { durable: boolean }): Promise<void> {
    const stored: Stored<Record> = structuredClone({ version: formatVersion, record });
    await this.#inOrder(id, async () => {
      if (this.#present.has(id)) await writeJson(this.#file(id), stored, { durable });
      this.#waiting.delete(id);
    });
    await this.#writeWaiting();
  }

  async #writeWaiting(): Promise<void> {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    // What keeps one from being written is no failure of whoever writes another.
    for (const [id, record] of waiting) await this.note(id, record).catch(() => this.#waiting.set(id, record));
  }

  /** Deleting through a mount would delete what is mounted there, such as a user's volume. */
  async #checkUnmounted(id: string): Promise<void> {
    const below = join(this.#directory, id, '/');
    const mounted = [...(await mountPoints())].find((point) => point.startsWith(below));
    if (mounted === undefined) return;
    throw new PluginError('FAILED_PRECONDITION', `${mounted} is still mounted`, {
      object: `${this.#kind} ${id}`,
      hint: 'end what uses it, then remove it again',
    });
  }

  async #inOrder(id: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#tails.get(id) ?? Promise.resolve()).then(work);
    const tail = turn.catch(() => undefined);
    this.#tails.set(id, tail);
    await turn.finally(() => {
      if (this.#tails.get(id) === tail) this.#tails.delete(id);
    });
  }

  #file(id: string): string {
    return fileOf(this.#directory, id);
  }
}

/** The record of one object as its shim wrote it last; undefined where there is none. `kind` names the object in errors. */
export async function readObject<Record>(directory: string, id: string, kind: string): Promise<Record | undefined> {
  const stored = await readJson<Stored<Record>>(fileOf(directory, id));
  if (stored === undefined || stored.version === formatVersion) return stored?.record;
  throw new PluginError('FAILED_PRECONDITION', `its record has format ${stored.version}, this shim knows format ${formatVersion}`, {
    object: `${kind} ${id}`,
    hint: `start the version of the shim that wrote ${fileOf(directory, id)}, or remove its pods with it first`,
  });
}

function fileOf(directory: string, id: string): string {
  return join(directory, id, 'record.json');
}
