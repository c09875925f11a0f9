import { expect, it } from 'vitest';
import { EINVAL, ENOENT } from '../errno.ts';
import type { DirectoryEntry } from '../layouts.ts';
import { DirectoryCursors } from './directory-cursors.ts';

const entries: DirectoryEntry[] = ['one', 'two', 'three'].map((name) => ({ name, inode: 1, type: 'file' }));
const recordSize = 24;

function read(cursors: DirectoryCursors, room: number): Buffer | number {
  return cursors.read(1, 3, room, () => entries);
}

it('gives entries as they fit, then nothing', () => {
  const cursors = new DirectoryCursors();
  expect(read(cursors, 2 * recordSize + 1)).toHaveLength(2 * recordSize);
  expect(read(cursors, 100)).toHaveLength(recordSize);
  expect(read(cursors, 100)).toHaveLength(0);
});

it('starts again after a rewind, and after the descriptor was closed', () => {
  const cursors = new DirectoryCursors();
  read(cursors, 100);
  expect(cursors.seek(1, 3, 1)).toBe(true);
  expect(read(cursors, 100)).toHaveLength(2 * recordSize);
  cursors.close(1, 3);
  expect(cursors.areNone).toBe(true);
  expect(cursors.seek(1, 3, 0)).toBe(false);
  expect(read(cursors, 100)).toHaveLength(3 * recordSize);
});

it('says so if not even one entry fits, or there is no such directory', () => {
  const cursors = new DirectoryCursors();
  expect(read(cursors, 10)).toBe(-EINVAL);
  expect(cursors.read(1, 4, 100, () => -ENOENT)).toBe(-ENOENT);
});
