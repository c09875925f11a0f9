import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { absent, readJson, writeJson } from './image/atomic-file.ts';

/** The format of the records; one written by a newer shim is refused, not guessed at. */
const formatVersion = 1;

interface Stored<Record> {
  version: number;
  record: Record;
}

/** A record file per object, `DIRECTORY/ID/record.json`: it is what a shim knows of an object after a restart. */
export class ObjectFiles<Record> {
  readonly #directory: string;
  readonly #kind: string;

  /** `kind` names the objects in errors: `sandbox`. */
  constructor(directory: string, kind: string) {
    this.#directory = directory;
    this.#kind = kind;
  }

  /** Durable when it resolves. Makes the object's folder, with one for the runtime's files, at its first write. */
  async write(id: string, record: Record): Promise<void> {
    await mkdir(join(this.#directory, id, 'runtime'), { recursive: true, mode: 0o700 });
    await writeJson(this.#file(id), { version: formatVersion, record } satisfies Stored<Record>);
  }

  /** Removes the object's folder with all that is in it. */
  async remove(id: string): Promise<void> {
    await rm(join(this.#directory, id), { recursive: true, force: true });
  }

  /** All records; a folder whose record was never written is an object that was never begun, and is removed. */
  async readAll(): Promise<Map<string, Record>> {
    const found = new Map<string, Record>();
    for (const id of (await readdir(this.#directory).catch(absent)) ?? []) {
      const stored = await readJson<Stored<Record>>(this.#file(id));
      if (stored) found.set(id, this.#checked(id, stored));
      else await this.remove(id);
    }
    return found;
  }

  #checked(id: string, stored: Stored<Record>): Record {
    if (stored.version === formatVersion) return stored.record;
    throw new PluginError('FAILED_PRECONDITION', `its record has format ${stored.version}, this shim knows format ${formatVersion}`, {
      object: `${this.#kind} ${id}`,
      hint: `start the version of the shim that wrote ${this.#file(id)}, or remove its pods with it first`,
    });
  }

  #file(id: string): string {
    return join(this.#directory, id, 'record.json');
  }
}
