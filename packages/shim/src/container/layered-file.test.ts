import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withoutRoot } from '../../testing/test-shim.ts';
import { makeOpaque } from '../image/merged-layers.ts';
import { syscalls } from '../syscalls.ts';
import { readLayeredFile } from './layered-file.ts';

let directory: string;
let top: string;
let base: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-layers-'));
  [top, base] = [join(directory, 'top'), join(directory, 'base')];
});

afterEach(() => rm(directory, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function link(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(target, path);
}

const read = (path: string) => readLayeredFile([top, base], path, 'container c');

describe.skipIf(process.platform !== 'linux')('readLayeredFile (layers are unpacked on Linux only)', () => {
  it('prefers the topmost layer, and looks below it', async () => {
    await put(join(top, 'etc/passwd'), 'top');
    await put(join(base, 'etc/passwd'), 'base');
    await put(join(base, 'etc/group'), 'group');
    expect(await read('/etc/passwd')).toBe('top');
    expect(await read('/etc/group')).toBe('group');
    expect(await read('/etc/shadow')).toBeUndefined();
  });

  it('follows links between layers, relative and absolute, inside the image', async () => {
    await link(join(top, 'etc'), 'usr/etc');
    await link(join(base, 'usr/etc/passwd'), '/nix/store/passwd');
    await put(join(base, 'nix/store/passwd'), 'from the store');
    expect(await read('/etc/passwd')).toBe('from the store');
  });

  it('never leaves the image', async () => {
    await put(join(directory, 'secret'), 'of the host');
    await link(join(base, 'up'), '../../../../../../../../secret');
    await link(join(base, 'absolute'), join(directory, 'secret'));
    await link(join(base, 'dir'), directory);
    expect(await read('/up')).toBeUndefined();
    expect(await read('/absolute')).toBeUndefined();
    expect(await read('/dir/secret')).toBeUndefined();
    expect(await read('../secret')).toBeUndefined();
  });

  it('finds nothing where links go in circles', async () => {
    await link(join(base, 'etc/passwd'), 'group');
    await link(join(base, 'etc/group'), 'passwd');
    expect(await read('/etc/passwd')).toBeUndefined();
  });

  it('reads no directory, and nothing below a file', async () => {
    await put(join(base, 'etc/passwd'), '');
    expect(await read('/etc')).toBeUndefined();
    expect(await read('/etc/passwd/x')).toBeUndefined();
  });

  it('refuses a file that would fill the memory', async () => {
    await put(join(base, 'etc/passwd'), 'x'.repeat(4 * 1024 * 1024 + 1));
    await expect(read('/etc/passwd')).rejects.toThrow(/has 4194305 bytes/);
  });

  it('sees what an upper layer has removed', async (context) => {
    if (withoutRoot) return context.skip(withoutRoot);
    await put(join(base, 'etc/passwd'), 'base');
    await put(join(base, 'opt/file'), 'base');
    await mkdir(join(top, 'etc'), { recursive: true });
    await mkdir(join(top, 'opt'), { recursive: true });
    syscalls().mknod(join(top, 'etc/passwd'), 0o020000, 0, 0);
    makeOpaque(join(top, 'opt'));
    expect(await read('/etc/passwd')).toBeUndefined();
    expect(await read('/opt/file')).toBeUndefined();
  });
});
