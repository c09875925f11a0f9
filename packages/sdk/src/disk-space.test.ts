import { linkSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { spaceBelow } from './disk-space.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-space-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the space below a directory', () => {
  it('counts directories, files and links, and a file of two names once', async () => {
    mkdirSync(join(directory, 'sub'));
    writeFileSync(join(directory, 'sub/file'), Buffer.alloc(100_000));
    linkSync(join(directory, 'sub/file'), join(directory, 'name'));
    symlinkSync('/', join(directory, 'link'));
    const { bytes, inodes } = await spaceBelow(directory);
    expect(inodes).toBe(4);
    expect(bytes).toBeGreaterThanOrEqual(statSync(join(directory, 'name')).blocks * 512);
  });

  it('is that of a file itself, where it is none', async () => {
    writeFileSync(join(directory, 'file'), 'x');
    expect((await spaceBelow(join(directory, 'file'))).inodes).toBe(1);
  });

  it('of a directory of many files is counted without holding up others', async () => {
    for (let index = 0; index < 5000; index++) writeFileSync(join(directory, `${index}`), '');
    let turns = 0;
    const other = setInterval(() => turns++, 0);
    const { inodes } = await spaceBelow(directory);
    clearInterval(other);
    expect([inodes, turns > 0]).toEqual([5001, true]);
  });

  it('is given up when its time is over', async () => {
    writeFileSync(join(directory, 'file'), '');
    await expect(spaceBelow(directory, AbortSignal.abort(new Error('too long')))).rejects.toThrow('too long');
  });
});
