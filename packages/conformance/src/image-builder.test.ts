import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildImage, busyboxImage, type ImageOptions } from './image-builder.ts';

const run = promisify(execFile);

describe('buildImage', () => {
  let scratch: string;

  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-build-'));
  });
  afterEach(async () => {
    await rm(scratch, { recursive: true, force: true });
  });

  const options = (): ImageOptions => ({
    output: join(scratch, 'image.tar'),
    names: ['localhost/app:1'],
    layers: [[{ type: 'file', path: 'etc/motd', content: 'ahoy' }], [{ type: 'symlink', path: 'motd', target: 'etc/motd' }]],
  });
  const read = async (name: string) => JSON.parse((await run('tar', ['xOf', join(scratch, 'image.tar'), name])).stdout);

  it('gives the same digests for the same options, and leaves only the archive', async () => {
    const first = await buildImage(options());
    expect(await buildImage(options())).toEqual(first);
    expect(await readdir(scratch)).toEqual(['image.tar']);
  });

  it('writes an OCI layout whose index leads to the layers', async () => {
    const built = await buildImage(options());
    const index = await read('index.json');
    expect(index.manifests).toMatchObject([
      { digest: built.manifestDigest, annotations: { 'io.containerd.image.name': 'localhost/app:1' } },
    ]);
    const manifest = await read(`blobs/${built.manifestDigest?.replace(':', '/')}`);
    expect(manifest.layers.map(({ digest }: { digest: string }) => digest)).toEqual(built.layers.map(({ digest }) => digest));
    const config = await read(`blobs/${built.id.replace(':', '/')}`);
    expect(config.rootfs.diff_ids).toEqual(built.layers.map(({ diffId }) => diffId));
  });

  it('writes a docker archive with the same image id', async () => {
    const { id } = await buildImage(options());
    const built = await buildImage({ ...options(), format: 'docker' });
    expect(built.id).toBe(id);
    expect(await read('manifest.json')).toMatchObject([{ Config: `${id.slice('sha256:'.length)}.json`, RepoTags: ['localhost/app:1'] }]);
  });

  it('fails, and leaves nothing, when the file of an entry is missing', async () => {
    const layers: ImageOptions['layers'] = [[{ type: 'file', path: 'x', content: { file: join(scratch, 'missing'), size: 1 } }]];
    await expect(buildImage({ ...options(), layers })).rejects.toThrow('ENOENT');
    expect(await readdir(scratch)).toEqual([]);
  });

  it('says what is wrong with a busybox that does not run', async () => {
    const busybox = join(scratch, 'busybox');
    await writeFile(busybox, 'no program', { mode: 0o644 });
    await expect(busyboxImage({ busybox, output: join(scratch, 'image.tar') })).rejects.toThrow(
      /busybox .*give the path of a static busybox/,
    );
  });

  it('makes a system of a busybox and links for its applets', async () => {
    const busybox = join(scratch, 'busybox');
    await writeFile(busybox, '#!/bin/sh\necho sh; echo busybox; echo ls\n', { mode: 0o755 });
    const { layers } = await busyboxImage({ busybox, output: join(scratch, 'image.tar') });
    await run('tar', ['xf', 'image.tar'], { cwd: scratch });
    const { stdout } = await run('tar', ['tvzf', join(scratch, 'blobs', layers[0]?.digest.replace(':', '/') ?? '')]);
    expect(stdout).toMatch(/drwxrwxrwt 0\/0 .* tmp\n/);
    expect(stdout).toMatch(/drwxr-xr-x 1000\/1000 .* home\/app\n/);
    expect(stdout).toMatch(/bin\/ls -> busybox\n.*bin\/sh -> busybox\n$/);
    expect(stdout).not.toContain('bin/busybox ->');
  });
});
