import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { neverAborted } from './abort.ts';
import { mount, unmount } from './mount.ts';

const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

describe.skipIf(!mayMount)(`mounting${mayMount ? '' : ' (needs root on Linux)'}`, () => {
  let directory: string;
  let place: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-mount-'));
    place = join(directory, 'place');
    mkdirSync(place);
  });

  afterEach(async () => {
    while (await unmount(place, neverAborted));
    rmSync(directory, { recursive: true });
  });

  it('a file system is there until it is unmounted, with its flags', async () => {
    mount('tmpfs', place, { type: 'tmpfs', flags: ['readonly'], data: 'mode=0700' });
    expect(() => writeFileSync(join(place, 'a'), '')).toThrow(/EROFS/);
    expect([await unmount(place, neverAborted), await unmount(place, neverAborted)]).toEqual([true, false]);
    writeFileSync(join(place, 'a'), '');
  });

  it('a directory can be seen at another place', () => {
    mkdirSync(join(directory, 'source'));
    writeFileSync(join(directory, 'source/a'), '');
    mount(join(directory, 'source'), place, { flags: ['bind'] });
    expect(readdirSync(place)).toEqual(['a']);
  });

  it('relative paths of an overlay start from the directory that is named, and this process stays where it is', () => {
    mkdirSync(join(directory, 'lower'));
    mkdirSync(join(directory, 'other'));
    writeFileSync(join(directory, 'lower/a'), '');
    const before = process.cwd();
    mount('overlay', place, { type: 'overlay', flags: ['readonly'], data: 'lowerdir=lower:other', directory });
    expect([readdirSync(place), process.cwd()]).toEqual([['a'], before]);
  });

  it('what fails is told by errno’s name and the place', () => {
    expect(() => mount('nothing', place, { type: 'nosuchfs' })).toThrow(`${place}: mount of nosuchfs failed with ENODEV`);
  });

  it('a symbolic link to a mount is none', async () => {
    mount('tmpfs', place, { type: 'tmpfs' });
    symlinkSync('place', join(directory, 'link'));
    expect(await unmount(join(directory, 'link'), neverAborted)).toBe(false);
  });

  it('nothing is unmounted where nothing is', async () => {
    expect(await unmount(join(directory, 'nowhere'), neverAborted)).toBe(false);
  });
});
