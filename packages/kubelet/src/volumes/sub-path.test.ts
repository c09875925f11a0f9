import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unmountBelow } from './mount-table.ts';
import { bindSubPath } from './sub-path.ts';

const isRoot = process.getuid?.() === 0;
let root: string;
let volume: string;
let target: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-subpath-'));
  [volume, target] = [join(root, 'volume'), join(root, 'pod/volume-subpaths/v/c/0')];
  await mkdir(join(volume, 'dir'), { recursive: true });
  await mkdir(join(root, 'host'));
  await writeFile(join(root, 'host/secret'), 'of the host');
  await writeFile(join(volume, 'dir/file'), 'inside');
});

afterEach(async () => {
  await unmountBelow(root);
  await rm(root, { recursive: true, force: true });
});

const bind = (path: string) => bindSubPath({ volume, path, target });

describe.skipIf(!isRoot)('a part of a volume (needs root to mount)', () => {
  it('is what the path leads to: a directory, a file, the volume itself', async () => {
    await bind('dir');
    expect(await readdir(target)).toEqual(['file']);
    await bind('./dir//file');
    expect(await readFile(target, 'utf8')).toBe('inside');
    await bind('.');
    expect(await readdir(target)).toEqual(['dir']);
  });

  it('is made where it is missing, with the mode of the volume', async () => {
    const before = process.umask(0o077);
    await chmod(volume, 0o2775);
    await bind('new/deep').finally(() => process.umask(before));
    expect(await readdir(target)).toEqual([]);
    expect([(await stat(join(volume, 'new'))).mode & 0o7777, (await stat(join(volume, 'new/deep'))).mode & 0o7777]).toEqual([
      0o2775, 0o2775,
    ]);
  });

  it('may be reached by links that stay inside', async () => {
    await symlink('dir', join(volume, 'link'));
    await symlink('../link/file', join(volume, 'dir/chain'));
    await bind('dir/chain');
    expect(await readFile(target, 'utf8')).toBe('inside');
    await symlink('dir', join(volume, 'way'));
    await bind('way/made');
    expect((await stat(join(volume, 'dir/made'))).isDirectory()).toBe(true);
  });

  it('stays as it is when it is made again, and follows a path that leads elsewhere now', async () => {
    await bind('dir');
    const { ino } = await stat(target);
    await bind('dir');
    expect((await stat(target)).ino).toBe(ino);
    await rm(join(volume, 'dir'), { recursive: true });
    await mkdir(join(volume, 'other'));
    await mkdir(join(volume, 'dir'));
    await bind('dir');
    expect([(await stat(target)).ino, await readdir(target)]).toEqual([(await stat(join(volume, 'dir'))).ino, []]);
  });

  it.each<[string, string, (volume: string, root: string) => Promise<void>, RegExp]>([
    ['an absolute path', '/etc', async () => {}, /must be a relative path/],
    ['a path that goes up', 'dir/../..', async () => {}, /must be a relative path/],
    ['an absolute link', 'out', (v, r) => symlink(join(r, 'host'), join(v, 'out')), /leads out of the volume/],
    ['an absolute link on the way', 'out/secret', (v, r) => symlink(join(r, 'host'), join(v, 'out')), /leads out of the volume/],
    ['a link to the root', 'out', (v) => symlink('/', join(v, 'out')), /leads out of the volume/],
    ['a link that goes up', 'out', (v) => symlink('../host', join(v, 'out')), /leads out of the volume/],
    ['a link to the volume from outside of it', 'out', (v) => symlink('../volume/dir', join(v, 'out')), /leads out of the volume/],
    [
      'a chain of links of which the last goes out',
      'one',
      async (v) => {
        await symlink('two', join(v, 'one'));
        await symlink('dir/three', join(v, 'two'));
        await symlink('../../host', join(v, 'dir/three'));
      },
      /leads out of the volume/,
    ],
    ['a link to procfs', 'out', (v) => symlink('/proc/self/root', join(v, 'out')), /leads out of the volume/],
    ['a dangling link, which is not made a directory elsewhere', 'out', (v) => symlink('nowhere', join(v, 'out')), /symbolic link/],
    ['a dangling link that goes out', 'out/new', (v) => symlink('../host/new', join(v, 'out')), /leads out of the volume/],
    ['a path through a file', 'dir/file/more', async () => {}, /not a directory/],
    ['a loop', 'loop', (v) => symlink('loop', join(v, 'loop')), /symbolic link/],
  ])('is refused for %s', async (_what, path, prepare, reason) => {
    await prepare(volume, root);
    await expect(bind(path)).rejects.toThrow(reason);
    expect(await readdir(join(root, 'host'))).toEqual(['secret']);
    await expect(stat(target)).rejects.toThrow('ENOENT');
  });

  it('is never one of the host, however often the path is swapped for a link to it', async () => {
    const swapping = startSwapping(join(volume, 'swap'), join(root, 'host'));
    const outcomes = { inside: 0, refused: 0, outside: 0 };
    try {
      await once(swapping.stdout ?? swapping, 'data');
      // Until both of the race's ways were seen, or nothing is proved.
      for (let index = 0; index < 300 || ((!outcomes.inside || !outcomes.refused) && index < 20_000); index++) {
        const outcome = await bind('swap/a').then(
          async () => ((await readdir(target)).includes('secret') || (await stat(target)).isFile() ? 'outside' : 'inside'),
          () => 'refused' as const,
        );
        outcomes[outcome as 'inside']++;
      }
    } finally {
      swapping.kill('SIGKILL');
    }
    expect(outcomes.outside).toBe(0);
    expect([outcomes.inside > 0, outcomes.refused > 0]).toEqual([true, true]);
    expect((await readdir(join(root, 'host'))).toSorted()).toEqual(['secret']);
  });
});

/** Another process that has a directory and a link to the host's change places without end. */
function startSwapping(place: string, host: string): ChildProcess {
  const script = `
    const { mkdirSync, renameSync, symlinkSync, rmSync } = require('node:fs');
    const [place, host] = process.argv.slice(1);
    const attempt = (act) => { try { act(); } catch {} };
    console.log('swapping');
    for (;;) {
      attempt(() => mkdirSync(place + '.dir/a', { recursive: true }));
      attempt(() => symlinkSync(host, place + '.link'));
      attempt(() => renameSync(place + '.dir', place));
      attempt(() => renameSync(place, place + '.dir'));
      attempt(() => renameSync(place + '.link', place));
      attempt(() => renameSync(place, place + '.link'));
      attempt(() => rmSync(place, { recursive: true }));
    }`;
  return spawn(process.execPath, ['-e', script, place, host], { stdio: ['ignore', 'pipe', 'inherit'] });
}
