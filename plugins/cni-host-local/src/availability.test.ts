import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { small, useStore } from './store.fixture.ts';

const { call, path } = useStore();

describe('STATUS', () => {
  const status = (ipam: object, rest: object = {}) => call(ipam, { verb: 'STATUS', rest: { cniVersion: '1.1.0', ...rest } });

  it('succeeds while there is an address, with and without the name of a network, and makes no store', async () => {
    expect(await status(small)).toEqual({});
    expect(await status(small, { name: undefined })).toEqual({});
    expect(readdirSync(path())).toEqual([]);
  });

  it('is 50 where a range set has none left', async () => {
    const ranges = [[{ subnet: 'fd00::/64' }], [{ subnet: '10.1.0.0/30' }]];
    await call({ ranges });
    expect(await status({ ranges })).toMatchObject({
      code: 50,
      msg: expect.stringContaining('range set 1 (10.1.0.1-10.1.0.2): has no free'),
    });
    await call({ ranges }, { verb: 'DEL' });
    expect(await status({ ranges })).toEqual({});
  });

  it('is 50 where the store can be in no directory', async () => {
    const file = path('file');
    writeFileSync(file, '');
    expect(await status({ ...small, dataDir: file })).toMatchObject({ code: 50, msg: expect.stringContaining(`${file} is no directory`) });
  });

  it('is 50 where the store cannot be made, and ADD fails and says what to do', async () => {
    const nowhere = { ...small, dataDir: '/proc/x' };
    expect(await status(nowhere)).toMatchObject({
      code: 50,
      msg: expect.stringMatching(/^address store \/proc\/x\/net: can't be written: ENOENT.*; set ipam\.dataDir to a directory that can$/),
    });
    expect(await call(nowhere)).toMatchObject({
      code: 5,
      msg: expect.stringMatching(/^address store \/proc\/x\/net: ENOENT.*, or set ipam\.dataDir to another directory$/),
    });
  });

  it.skipIf(process.getuid?.() !== 0).each([
    ['can only be read', () => execFileSync('mount', ['-o', 'remount,ro', path()]), /can't be written: EROFS/],
    ['has no room for a file', fill, /can't be written: no space is left/],
  ])('is 50 where a store is there and its file system %s (needs root)', async (_, harm, message) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=20', 'tmpfs', path()]);
    try {
      await call(small);
      expect(await status(small)).toEqual({});
      harm();
      expect(await status(small)).toMatchObject({ code: 50, msg: expect.stringMatching(message) });
    } finally {
      execFileSync('umount', [path()]);
    }
  });

  function fill(): void {
    expect(() => {
      for (let count = 0; count < 20; count++) writeFileSync(path(`file-${count}`), '');
    }).toThrow('ENOSPC');
  }
});
