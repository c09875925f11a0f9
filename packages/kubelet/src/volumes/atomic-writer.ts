import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';

/** One file of a volume. */
export interface ProjectedFile {
  data: Uint8Array;
  /** Permission bits. */
  mode: number;
  /** Owner; root if absent. */
  uid?: number;
}

/** The files of a volume by their path in it: relative, without `.` and `..` in it, and beginning with neither `/` nor `..`. */
export type Payload = ReadonlyMap<string, ProjectedFile>;

/** The link that all visible names lead through; programs that watch a config map's directory know it by this name. */
const dataLink = '..data';
const newDataLink = '..data_tmp';

/**
 * Puts files into a volume so that a reader sees either all of the old or all of the new: they lie in a directory `..TIME.RANDOM`, to which
 * `..data` points; each visible name is a link through `..data`, and only `..data` is ever replaced, in one rename. Nothing is written if
 * the files are as asked already. `finish` is given the new directory before it can be seen, for owners and permissions.
 */
export async function writeAtomically(
  target: string,
  payload: Payload,
  { now = new Date(), finish = async () => {} }: { now?: Date; finish?: (directory: string) => Promise<void> } = {},
): Promise<'written' | 'unchanged'> {
  for (const path of payload.keys()) checkPath(path);
  const current = await currentDirectory(target);
  if (current !== undefined && (await holds(join(target, current), payload))) {
    await linkVisible(target, payload);
    await removeStale(target, current, payload);
    return 'unchanged';
  }
  const made = await mkdtemp(join(target, `..${timestamp(now)}.`));
  try {
    await chmod(made, 0o755);
    await writeFiles(made, payload);
    await finish(made);
    await linkVisible(target, payload);
    await rm(join(target, newDataLink), { force: true });
    await symlink(nameOf(made), join(target, newDataLink));
    await rename(join(target, newDataLink), join(target, dataLink));
  } catch (thrown) {
    if ((await currentDirectory(target)) !== nameOf(made)) await rm(made, { recursive: true, force: true });
    throw thrown;
  }
  await removeStale(target, nameOf(made), payload);
  return 'written';
}

function checkPath(path: string): void {
  const parts = path.split('/');
  const odd = parts.some((part) => part === '' || part === '.' || part === '..') || path.startsWith('..') || path.includes('\0');
  if (odd) throw new PluginError('INVALID_ARGUMENT', 'no path of a file in a volume', { object: JSON.stringify(path) });
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The directory that `..data` points to; undefined before the first write. */
async function currentDirectory(target: string): Promise<string | undefined> {
  const name = await readlink(join(target, dataLink)).catch(() => undefined);
  if (name === undefined || name.includes('/')) return undefined;
  const found = await lstat(join(target, name)).catch(() => undefined);
  return found?.isDirectory() ? name : undefined;
}

/** Whether a directory holds exactly these files, with content and, as far as they say, mode and owner. */
async function holds(directory: string, payload: Payload): Promise<boolean> {
  const files = await filesBelow(directory);
  if (files.length !== payload.size) return false;
  for (const path of files) {
    const wanted = payload.get(path);
    if (!wanted || !(await isAsWanted(join(directory, path), wanted))) return false;
  }
  return true;
}

/** Of the mode only what was asked for is compared: owner's group may have been given more (fsGroup). */
async function isAsWanted(path: string, { data, mode, uid }: ProjectedFile): Promise<boolean> {
  const found = await stat(path);
  if (found.size !== data.length || (found.mode & mode) !== mode || (uid !== undefined && found.uid !== uid)) return false;
  return Buffer.compare(await readFile(path), data) === 0;
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

async function writeFiles(directory: string, payload: Payload): Promise<void> {
  for (const [path, { data, mode, uid }] of payload) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeFile(file, data, { mode: 0o600 });
    await chmod(file, mode);
    if (uid !== undefined) await chown(file, uid, -1);
  }
}

/** First parts of the paths: what a reader sees in the volume itself. */
function visibleNames(payload: Payload): Set<string> {
  return new Set([...payload.keys()].map((path) => path.split('/')[0] ?? ''));
}

async function linkVisible(target: string, payload: Payload): Promise<void> {
  for (const name of visibleNames(payload)) {
    const place = join(target, name);
    const wanted = `${dataLink}/${name}`;
    if ((await readlink(place).catch(() => undefined)) === wanted) continue;
    await rm(place, { recursive: true, force: true });
    await symlink(wanted, place);
  }
}

/** Removes names that are gone, and directories of writes before, of those too that a crash has left. */
async function removeStale(target: string, current: string, payload: Payload): Promise<void> {
  const visible = visibleNames(payload);
  for (const entry of await readdir(target, { withFileTypes: true })) {
    const place = join(target, entry.name);
    if (entry.name.startsWith('..')) {
      const stale = entry.name === newDataLink || (entry.isDirectory() && entry.name !== current);
      if (stale) await rm(place, { recursive: true, force: true });
    } else if (entry.isSymbolicLink() && !visible.has(entry.name)) await removeOurLink(place, entry.name);
  }
}

async function removeOurLink(place: string, name: string): Promise<void> {
  if ((await readlink(place)) === `${dataLink}/${name}`) await rm(place, { force: true });
}

/** `2026_11_22_05_44_55`, as kubelet writes it. */
function timestamp(now: Date): string {
  return now.toISOString().slice(0, 19).replace(/[-T:]/g, '_');
}
