import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSmallFile } from './read-small-file.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-small-'));
});

afterEach(() => rm(directory, { recursive: true }));

describe('readSmallFile', () => {
  it('gives the text of a file up to the size that is allowed', async () => {
    const path = join(directory, 'file');
    await writeFile(path, 'four');
    expect(await readSmallFile(path, 4)).toBe('four');
    await expect(readSmallFile(path, 3)).rejects.toThrow(`${path}: it has 4 bytes, more than 3`);
  });

  it('refuses what never ends, and what is missing', async () => {
    await expect(readSmallFile('/dev/zero', 10)).rejects.toThrow(/\/dev\/zero: it is no regular file/);
    await expect(readSmallFile(join(directory, 'missing'), 10)).rejects.toThrow(/ENOENT/);
  });
});
