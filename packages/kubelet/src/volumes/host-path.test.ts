import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { HostPath } from './host-path.ts';

let directory: string;
const setUp = (path: string, type: string) =>
  new HostPath().setUp(makePod({}), { name: 'v', hostPath: { path, type: type as 'Directory' } });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-host-'));
  await writeFile(join(directory, 'file'), '');
  await symlink(directory, join(directory, 'link'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe('a hostPath', () => {
  it.each([
    ['of no type is taken as it comes', '', 'nothing'],
    ['DirectoryOrCreate makes a directory', 'DirectoryOrCreate', 'new/deep'],
    ['FileOrCreate makes a file', 'FileOrCreate', 'new-file'],
    ['Directory may be reached through a link', 'Directory', 'link'],
    ['CharDevice takes a device', 'CharDevice', '/dev/null'],
  ])('%s', async (_what, type, name) => {
    await expect(setUp(name.startsWith('/') ? name : join(directory, name), type)).resolves.toBeUndefined();
  });

  it('Socket takes a socket', async () => {
    const server = createServer().listen(join(directory, 'socket'));
    await expect(setUp(join(directory, 'socket'), 'Socket')).resolves.toBeUndefined();
    server.close();
  });

  it('with OrCreate leaves what is there', async () => {
    await writeFile(join(directory, 'file'), 'kept');
    await setUp(join(directory, 'file'), 'FileOrCreate');
    expect((await stat(join(directory, 'file'))).size).toBe(4);
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
    await expect(setUp(join(directory, name), type)).rejects.toThrow(reason);
  });
});
