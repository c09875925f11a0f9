import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { absent } from './absent.ts';
import { namesIn } from './names-in.ts';
import { syncDirectory } from './sync-directory.ts';

/** Longer than any write takes. */
const staleMs = 60_000;

/** Replaces a JSON file at once: a reader sees the old or the new one whole, also after a power cut. RESOURCE_EXHAUSTED on a full disk. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const partial = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(partial, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(value));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw PluginError.from(error, 'INTERNAL', { object: path, hint: 'see that its disk has room and can be written to' });
  }
  await syncDirectory(dirname(path));
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
