import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeEmptyDir } from './empty-dir.ts';
import { checkHostPath } from './host-path.ts';
import { mountsBelow, unmountBelow } from './mount-table.ts';

const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-volumes-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe('an emptyDir', () => {
  it('is open to every user of the pod, and stays as it is when made again', async () => {
    const path = join(directory, 'a/b');
    await makeEmptyDir(path, { name: 'v', emptyDir: {} }, undefined, signal);
    await writeFile(join(path, 'kept'), '');
    await makeEmptyDir(path, { name: 'v', emptyDir: {} }, undefined, signal);
    expect([(await stat(path)).mode & 0o777, (await stat(join(path, 'kept'))).isFile()]).toEqual([0o777, true]);
  });

  it('belongs to the fsGroup', async (context) => {
    context.skip(!isRoot, 'needs root to give files away');
    const path = join(directory, 'v');
    await makeEmptyDir(path, { name: 'v', emptyDir: {} }, 4242, signal);
    const { gid, mode } = await stat(path);
    expect([gid, mode & 0o2777]).toEqual([4242, 0o2777]);
  });

  it('in memory is a tmpfs, and is unmounted as one', async (context) => {
    context.skip(!isRoot, 'needs root to mount');
    const path = join(directory, 'a space');
    await makeEmptyDir(path, { name: 'v', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }, undefined, signal);
    expect(await mountsBelow(directory)).toEqual([path]);
    await unmountBelow(directory, signal);
    expect(await mountsBelow(directory)).toEqual([]);
  });
});

describe('a hostPath', () => {
  it.each([
    ['of no type is taken as it comes', '', 'nothing'],
    ['DirectoryOrCreate makes a directory', 'DirectoryOrCreate', 'new/deep'],
    ['FileOrCreate makes a file', 'FileOrCreate', 'file'],
    ['Directory may be reached through a link', 'Directory', 'link'],
  ])('%s', async (_what, type, name) => {
    await symlink(directory, join(directory, 'link'));
    await expect(checkHostPath('v', { path: join(directory, name), type: type as 'Directory' })).resolves.toBeUndefined();
  });

  it.each([
    ['Directory', 'file', 'is not a directory'],
    ['File', '.', 'is not a file'],
    ['Socket', 'file', 'is not a socket'],
    ['CharDevice', 'file', 'is not a character device'],
    ['BlockDevice', 'file', 'is not a block device'],
    ['Directory', 'missing', "doesn't exist"],
    ['DirectoryOrCreate', 'file', 'is not a directory'],
  ])('%s refuses %s: it %s', async (type, name, reason) => {
    await writeFile(join(directory, 'file'), '');
    await expect(checkHostPath('v', { path: join(directory, name), type: type as 'Directory' })).rejects.toThrow(reason);
  });
});
