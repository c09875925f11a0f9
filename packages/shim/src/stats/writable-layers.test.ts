import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WritableLayers } from './writable-layers.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-layer-'));
});

afterEach(() => rm(directory, { recursive: true }));

it("a layer's size counts files, folders and links, hard links once, and follows no symbolic link", async () => {
  await mkdir(join(directory, 'a/b'), { recursive: true });
  await writeFile(join(directory, 'a/b/file'), Buffer.alloc(100_000, 1));
  await link(join(directory, 'a/b/file'), join(directory, 'second'));
  await symlink('/usr', join(directory, 'link'));
  const size = await new WritableLayers().size({}, directory);
  expect(size?.inodes).toBe(5n);
  expect(size?.bytes).toBeGreaterThanOrEqual(100_000n);
  expect(size?.bytes).toBeLessThan(150_000n);
});

it("a layer's size is kept for a while, for the same owner", async () => {
  const layers = new WritableLayers();
  const owner = {};
  const [first, second] = await Promise.all([layers.size(owner, directory), layers.size(owner, directory)]);
  await writeFile(join(directory, 'file'), 'new');
  expect(second).toBe(first);
  expect(await layers.size(owner, directory)).toBe(first);
  expect((await layers.size({}, directory))?.inodes).toBe(2n);
});

it('a layer that is gone has no size', async () => {
  expect(await new WritableLayers().size({}, join(directory, 'gone'))).toBeUndefined();
});
