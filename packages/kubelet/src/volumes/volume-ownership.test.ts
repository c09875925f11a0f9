import { chmod, chown, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { giveToGroup } from './volume-ownership.ts';

const isRoot = process.getuid?.() === 0;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-group-'));
  await mkdir(join(directory, 'v/sub'), { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'v/sub/file'), '', { mode: 0o600 });
  await writeFile(join(directory, 'outside'), '', { mode: 0o600 });
  await symlink('../outside', join(directory, 'v/link'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const look = async (path: string) => {
  const { gid, mode } = await lstat(join(directory, path));
  return [gid, (mode & 0o7777).toString(8)];
};

describe.skipIf(!isRoot)('the fsGroup of a volume (needs root to give files away)', () => {
  it('may read and write all of it, search its directories, and gets what is made in them', async () => {
    await giveToGroup(join(directory, 'v'), 4242);
    expect([await look('v'), await look('v/sub'), await look('v/sub/file')]).toEqual([
      [4242, '2770'],
      [4242, '2770'],
      [4242, '660'],
    ]);
  });

  it('may only read one that is read-only', async () => {
    await giveToGroup(join(directory, 'v'), 4242, { readOnly: true });
    expect([await look('v'), await look('v/sub/file')]).toEqual([
      [4242, '2750'],
      [4242, '640'],
    ]);
  });

  it('gets a symbolic link, but not what it leads to', async () => {
    await giveToGroup(join(directory, 'v'), 4242);
    expect([(await look('v/link'))[0], await look('outside')]).toEqual([4242, [0, '600']]);
  });

  it('gets nothing where there is none', async () => {
    await giveToGroup(join(directory, 'v'), undefined);
    expect(await look('v')).toEqual([0, '700']);
  });

  it.each([
    ['OnRootMismatch leaves a volume alone whose top is right', 'OnRootMismatch', true, 0],
    ['OnRootMismatch goes through one whose top is not', 'OnRootMismatch', false, 4242],
    ['Always goes through it', 'Always', true, 4242],
  ] as const)('%s', async (_what, policy, right, gid) => {
    await giveToGroup(join(directory, 'v'), 4242);
    await writeFile(join(directory, 'v/late'), '');
    await chown(join(directory, 'v/late'), 0, 0);
    if (!right) await chmod(join(directory, 'v'), 0o700);
    await giveToGroup(join(directory, 'v'), 4242, { policy });
    expect((await look('v/late'))[0]).toBe(gid);
  });
});
