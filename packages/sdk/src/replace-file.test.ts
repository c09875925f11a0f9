import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isUnfinished, removeReplacedFile, replaceFile } from './replace-file.ts';

let directory: string;
const modes = { mode: 0o600, directoryMode: 0o700 };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-file-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('a file', () => {
  it('is replaced as a whole, alone in the directory that is made for it, also after a crash', async () => {
    const path = join(directory, 'made/file');
    await replaceFile(path, 'old', modes);
    await writeFile(join(directory, 'made/.file.new'), 'half of something longer', { mode: 0o600 });
    await replaceFile(path, 'new', { ...modes, flush: false });
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'made'))).toEqual(['file']);
  });

  it('that can not be replaced leaves nothing behind', async () => {
    await mkdir(join(directory, 'file'));
    await expect(replaceFile(join(directory, 'file'), 'text', modes)).rejects.toThrow('EISDIR');
    expect(await readdir(directory)).toEqual(['file']);
  });

  it('goes with what a crash has left of the next one; one that is not there is as good as removed', async () => {
    const path = join(directory, 'file');
    await replaceFile(path, 'old', modes);
    for (const name of ['.file.new', 'other']) await writeFile(join(directory, name), '');
    await removeReplacedFile(path);
    await removeReplacedFile(path);
    expect(await readdir(directory)).toEqual(['other']);
  });

  it('that is not finished is told by its name', () => {
    expect(['.file.new', 'file.new', '.file', 'file'].map(isUnfinished)).toEqual([true, false, false, false]);
  });
});
