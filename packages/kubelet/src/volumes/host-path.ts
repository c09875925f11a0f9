import type { Stats } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import type { Pod, Volume } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { ifThere } from '@berth/sdk/if-there';
import type { VolumePlugin } from './volume-plugin.ts';

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

/** Something of the host as it is. */
export class HostPath implements VolumePlugin {
  readonly directory = 'kubernetes.io~host-path';
  readonly readOnly = false;
  readonly refreshed = false;

  handles(volume: Volume): boolean {
    return volume.hostPath !== undefined;
  }

  path(_pod: Pod, { hostPath }: Volume): string | undefined {
    return hostPath?.path;
  }

  /** Makes sure that it is what its type says; the types with OrCreate make what is missing. */
  async setUp(_pod: Pod, { name, hostPath }: Volume): Promise<void> {
    const { path = '', type } = hostPath ?? {};
    if (!type) return;
    const create = creations[type];
    if (create && !(await existing(path))) await create(path);
    const check = checks[type.replace(/OrCreate$/, '')];
    const found = await existing(path);
    if (found && check?.is(found)) return;
    const what = found ? `is not ${check?.what}` : "doesn't exist";
    throw new PluginError('FAILED_PRECONDITION', `hostPath type check failed: ${path} ${what}`, {
      object: `volume ${name}`,
      hint: `make it ${check?.what}, or change hostPath.type`,
    });
  }
}

async function createFile(path: string): Promise<void> {
  const file = await open(path, 'a', 0o644);
  await file.close();
}

async function existing(path: string): Promise<Stats | undefined> {
  return ifThere(path, stat(path));
}
