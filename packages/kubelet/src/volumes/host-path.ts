import type { Stats } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import type { Volume } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';

type HostPath = NonNullable<Volume['hostPath']>;

const checks: Record<string, { is(found: Stats): boolean; what: string }> = {
  Directory: { is: (found) => found.isDirectory(), what: 'a directory' },
  File: { is: (found) => found.isFile(), what: 'a file' },
  Socket: { is: (found) => found.isSocket(), what: 'a socket' },
  CharDevice: { is: (found) => found.isCharacterDevice(), what: 'a character device' },
  BlockDevice: { is: (found) => found.isBlockDevice(), what: 'a block device' },
};

const creations: Record<string, (path: string) => Promise<unknown>> = {
  DirectoryOrCreate: (path) => mkdir(path, { recursive: true, mode: 0o755 }),
  FileOrCreate: createFile,
};

/** Makes sure that a hostPath volume is what its type says; the types with OrCreate make what is missing. */
export async function checkHostPath(volume: string, { path, type }: HostPath): Promise<void> {
  if (!type) return;
  const create = creations[type];
  if (create && !(await existing(path))) await create(path);
  const check = checks[type.replace(/OrCreate$/, '')];
  const found = await existing(path);
  if (found && check?.is(found)) return;
  const what = found ? `is not ${check?.what}` : "doesn't exist";
  throw new PluginError('FAILED_PRECONDITION', `hostPath type check failed: ${path} ${what}`, {
    object: `volume ${volume}`,
    hint: `make it ${check?.what}, or change hostPath.type`,
  });
}

async function createFile(path: string): Promise<void> {
  const file = await open(path, 'a', 0o644);
  await file.close();
}

async function existing(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}
