import { randomUUID } from 'node:crypto';
import { closeSync, fsync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { PluginError } from '@berth/sdk/errors';
import { absent } from './absent.ts';
import { namesIn } from './names-in.ts';
import { syncDirectory } from './sync-directory.ts';

const sync = promisify(fsync);

/** Longer than any write takes. */
const staleMs = 60_000;

interface WriteOptions {
  /** Whether the new one is what is there after a power cut, too; if not, the old one may be. Default: true. */
  durable?: boolean;
}

/** Replaces a JSON file at once: a reader sees the old or the new one whole, also after a power cut. RESOURCE_EXHAUSTED on a full disk. */
export async function writeJson(path: string, value: unknown, { durable = true }: WriteOptions = {}): Promise<void> {
  const partial = `${path}.${randomUUID()}.tmp`;
  try {
    const file = openNew(partial);
    try {
      writeFileSync(file, JSON.stringify(value));
      await sync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw PluginError.from(error, 'INTERNAL', { object: path, hint: 'see that its disk has room and can be written to' });
  }
  if (durable) await syncDirectory(dirname(path));
}

/** Synchronous, as all but the waits for the disk: such a call takes some microseconds, and one by way of another thread ten times that. */
function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    absent(error as NodeJS.ErrnoException);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, 'wx', 0o600);
  }
}

/** Removes a JSON file, with what a writer of it that was killed has left. */
export async function removeJson(path: string): Promise<void> {
  const partials = (await namesIn(dirname(path))).filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith('.tmp'));
  for (const name of [basename(path), ...partials]) await rm(join(dirname(path), name), { force: true });
}

/** Removes what killed writers left in a directory: partial files that nobody has written to for a minute. */
export async function removeStalePartials(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    if (!name.endsWith('.tmp')) continue;
    const path = join(directory, name);
    const written = await stat(path).catch(absent);
    if (written && Date.now() - written.mtimeMs > staleMs) await rm(path, { force: true });
  }
}

/** Undefined for a file that isn't there. The caller knows the shape: it is the only writer of such files. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch(absent);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new PluginError('DATA_LOSS', 'it is no JSON', {
      object: path,
      hint: 'it is damaged: restore it, or remove what it belongs to',
      cause,
    });
  }
}

/** All JSON files of a directory; one that is removed meanwhile is left out. */
export async function readJsonFiles<T>(directory: string): Promise<T[]> {
  const names = (await namesIn(directory)).filter((name) => name.endsWith('.json'));
  const values = await Promise.all(names.map((name) => readJson<T>(join(directory, name))));
  return values.filter((value) => value !== undefined);
}
