import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ELOOP, ENOENT, ENOTDIR } from '../errno.ts';
import { closeDescriptor, identityOf, O_DIRECTORY, O_PATH, openHost, S_IFLNK, S_IFMT } from './host-files.ts';
import { Paths } from './paths.ts';

describe.skipIf(process.platform !== 'linux')('Paths', () => {
  let directory: string;
  let paths: Paths;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-paths-'));
    mkdirSync(join(directory, 'root/a/b'), { recursive: true });
    writeFileSync(join(directory, 'outside'), '');
    writeFileSync(join(directory, 'root/file'), '');
    paths = new Paths(openHost(join(directory, 'root'), O_PATH | O_DIRECTORY));
  });
  afterEach(() => {
    closeDescriptor(paths.root);
    rmSync(directory, { recursive: true });
  });

  /** Where a path leads, as a text; or the errno. */
  function find(path: string, follow = true): string | number {
    const found = paths.find(path, follow, (place) => (place === '/proc/self' ? '7' : undefined));
    if (typeof found === 'number') return found;
    if (found.kind === 'file') closeDescriptor(found.at);
    return `${found.kind} ${found.path}`;
  }

  function link(target: string, name: string): void {
    symlinkSync(target, join(directory, 'root', name));
  }

  it('finds files, with superfluous slashes and dots', () => {
    expect(find('/file')).toBe('file /file');
    expect(find('//a/./b/')).toBe('file /a/b');
    expect(find('/')).toBe('file /');
  });

  it('takes .. as the kernel does, and no further than the root', () => {
    expect(find('/a/b/../../file')).toBe('file /file');
    expect(find('/../../../file')).toBe('file /file');
    expect(find('/../outside')).toBe(-ENOENT);
    expect(find('/missing/../file')).toBe(-ENOENT);
    expect(find('/file/../file')).toBe(-ENOTDIR);
  });

  it('follows symbolic links within the root only', () => {
    link('/file', 'absolute');
    link('../file', 'a/up');
    link('../../../../outside', 'a/out');
    link(join(directory, 'outside'), 'out');
    link('a', 'dir');
    expect(find('/absolute')).toBe('file /file');
    expect(find('/a/up')).toBe('file /file');
    expect(find('/dir/b/../up')).toBe('file /file');
    expect(find('/a/out')).toBe(-ENOENT);
    expect(find('/out')).toBe(-ENOENT);
  });

  it('takes a link in the last place as it is, if asked, but not with a slash behind it', () => {
    link('a', 'dir');
    const found = paths.find('/dir', false, () => undefined);
    if (typeof found === 'number' || found.kind !== 'file') throw new Error(`found ${JSON.stringify(found)}`);
    const identity = identityOf(found.at);
    closeDescriptor(found.at);
    expect(typeof identity === 'number' || identity.mode & S_IFMT).toBe(S_IFLNK);
    expect(find('/dir/', false)).toBe('file /a');
  });

  it('gives up on links in a circle', () => {
    link('/two', 'one');
    link('/one', 'two');
    expect(find('/one')).toBe(-ELOOP);
  });

  it('leaves what leads to /proc to the synthetic one', () => {
    link('/proc/self/fd', 'fd');
    expect(find('/proc')).toBe('proc /proc');
    expect(find('/a/../proc/self/status')).toBe('proc /proc/7/status');
    expect(find('/fd/0')).toBe('proc /proc/7/fd/0');
    expect(find('/proc/../file')).toBe('file /file');
  });

  it('gives the directory and the name of what is to be made, also behind a link to nothing', () => {
    link('/a/new', 'dangling');
    const entry = paths.entry('/dangling', true, () => undefined);
    if (typeof entry === 'number' || 'kind' in entry) throw new Error(`found ${JSON.stringify(entry)}`);
    closeDescriptor(entry.directory);
    expect(entry.name).toBe('new');
    expect(paths.entry('/missing/new', true, () => undefined)).toBe(-ENOENT);
  });

  it('keeps of what is to be made or removed how it is written: slash and dots', () => {
    link('a', 'dir');
    link('a/new/', 'slash');
    const steps = ['/a/b', '/a/b//', '/a/b/.', '/a/./b/..', '/dir/', '/dir/.', '/slash', '/'];
    const names = steps.map((path) => {
      const entry = paths.entry(path, path === '/slash', () => undefined);
      if (typeof entry === 'number' || 'kind' in entry) throw new Error(`found ${JSON.stringify(entry)}`);
      closeDescriptor(entry.directory);
      return entry.name;
    });
    expect(names).toEqual(['b', 'b/', '.', '..', 'dir/', '.', 'new/', '.']);
    expect(paths.entry('/file/.', false, () => undefined)).toBe(-ENOTDIR);
  });

  it('finds directories only, where there is a slash or a dot behind, also at the end of a link', () => {
    link('file/', 'slash');
    expect(['/file/', '/file/.', '/file/./', '/slash', '/a/b/../../file/'].map((path) => find(path))).toEqual(Array(5).fill(-ENOTDIR));
    expect(['/a/b/.', '/a/b/..', '/a/b/../', '/a//'].map((path) => find(path))).toEqual(['file /a/b', 'file /a', 'file /a', 'file /a']);
  });
});
