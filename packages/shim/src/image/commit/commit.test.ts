import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuiltImage, buildImage } from '@berth/conformance/image-builder';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { syscalls } from '../../syscalls.ts';
import { makeOpaque } from '../merged-layers.ts';
import { LayeredImages } from '../store.ts';
import type { WrittenContainer } from './commit.ts';
import { mountTargets } from './mount-targets.ts';

const needsRoot = process.getuid?.() === 0 ? false : 'unpacking needs root';
const signal = AbortSignal.timeout(60_000);
const same = (owner: { uid: number; gid: number }) => ({ uid: owner.uid, gid: owner.gid });

describe.skipIf(needsRoot)(`commit${needsRoot ? ` (${needsRoot})` : ''}`, () => {
  let scratch: string;
  let images: LayeredImages;
  let upper: string;
  let image: BuiltImage;

  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-commit-'));
    images = new LayeredImages(join(scratch, 'images'));
    upper = join(scratch, 'upper');
    await mkdir(upper);
    image = await buildImage({
      output: join(scratch, 'image.tar'),
      names: ['localhost/base:1'],
      layers: [
        [
          { type: 'directory', path: 'etc' },
          { type: 'file', path: 'etc/passwd', content: 'root' },
        ],
      ],
      config: { Env: ['A=0'], Cmd: ['serve'] },
    });
    await images.load(image.path, {}, signal);
  });
  afterEach(async () => {
    await rm(scratch, { recursive: true, force: true });
  });

  const container = (layer: Partial<WrittenContainer['layer']> = {}): WrittenContainer => ({
    object: 'container web',
    imageId: image.id,
    layer: { directory: upper, isLeftOut: () => false, ownerInside: same, ...layer },
  });
  const commit = (options = {}, layer = {}) => images.commit(container(layer), 'localhost/new:1', options, signal);
  const unpacked = async () => (await images.use('localhost/new:1', 'reader')).layers;

  /** All that a layer holds below a directory. */
  async function tree(directory: string, path = ''): Promise<Record<string, unknown>[]> {
    const found: Record<string, unknown>[] = [];
    for (const name of (await readdir(join(directory, path))).toSorted()) {
      const below = join(path, name);
      const at = join(directory, below);
      const { mode, uid, gid, rdev, size, mtimeMs, nlink } = await lstat(at);
      const isDirectory = (mode & constants.S_IFMT) === constants.S_IFDIR;
      const attributes = syscalls()
        .listAttributes(at)
        .map((attribute) => [attribute, Buffer.from(syscalls().getAttribute(at, attribute) ?? []).toString('hex')]);
      const isFile = (mode & constants.S_IFMT) === constants.S_IFREG;
      const isWhiteout = (mode & constants.S_IFMT) === constants.S_IFCHR && rdev === 0;
      if (isWhiteout) found.push({ below, rdev });
      else
        found.push({
          below,
          mode,
          uid,
          gid,
          rdev,
          attributes,
          modified: mtimeMs.toFixed(1),
          ...(!isDirectory && { size, nlink }),
          ...(isFile && { content: (await readFile(at)).toString('latin1') }),
        });
      if (isDirectory) found.push(...(await tree(directory, below)));
    }
    return found;
  }

  it('makes a layer that is unpacked as it was written', async () => {
    const at = (path: string) => join(upper, path);
    await writeFile(at('program'), 'x'.repeat(700_000));
    await chown(at('program'), 3_000_000, 4_000_000);
    await chmod(at('program'), 0o4755);
    syscalls().setAttribute(at('program'), 'user.note', Buffer.from('text'));
    // cap_setuid and cap_setgid, whose bytes are no UTF-8.
    const capabilities = Buffer.from('0100000280000000000000000000000000000000', 'hex');
    capabilities[4] = 0xc0;
    await writeFile(at('capable'), 'x');
    syscalls().setAttribute(at('capable'), 'security.capability', capabilities);
    await mkdir(at('sticky'));
    await chmod(at('sticky'), 0o1777);
    await mkdir(at('hidden'));
    makeOpaque(at('hidden'));
    await mkdir(at('etc'));
    syscalls().mknod(at('etc/passwd'), constants.S_IFCHR, 0, 0);
    syscalls().mknod(at('device'), constants.S_IFBLK | 0o640, 259, 300);
    syscalls().mknod(at('pipe'), constants.S_IFIFO | 0o600, 0, 0);
    await symlink('/etc/shadow', at('link'));
    await mkdir(at(`${'long'.repeat(30)}`));
    await writeFile(at(`${'long'.repeat(30)}/näme`), '');
    await link(at('program'), at(`${'long'.repeat(30)}/${'again'.repeat(10)}`));
    await writeFile(at('unreadable'), 'none may');
    await chmod(at('unreadable'), 0);
    await writeFile(at('sparse'), '');
    await truncate(at('sparse'), 100_000);
    await writeFile(at('old'), '');
    await utimes(at('old'), -86_400.5, -86_400.5);

    await commit();
    const [layer = ''] = await unpacked();
    expect(await tree(layer)).toEqual(await tree(upper));
    expect(await readdir(join(scratch, 'images', 'incoming'))).toEqual([]);
  });

  it("adds to the image's configuration and history, and takes nothing of the container's own", async () => {
    const { id, name } = await commit({ author: 'me', message: 'a note', changes: ['CMD ["cat"]', 'ENV B=1'] });
    expect(name).toBe('localhost/new:1');
    const told = await images.inspect('localhost/new:1');
    expect(told).toMatchObject({
      imageSpec: {
        author: 'me',
        config: { Env: ['A=0', 'B=1'], Cmd: ['cat'] },
        rootfs: { diff_ids: [image.layers[0]?.diffId, expect.stringMatching(/^sha256:/)] },
        history: [{ created_by: 'layer 0' }, { created_by: 'berth image commit', author: 'me', comment: 'a note' }],
      },
      layers: [{ digest: image.layers[0]?.digest }, {}],
    });
    expect((await images.list()).map((listed) => listed.id).toSorted()).toEqual([id, image.id].toSorted());
    await images.remove('localhost/base:1');
    expect(await unpacked()).toHaveLength(2);
  });

  it('gives owners in a user namespace back their ids inside, and capabilities their form outside', async () => {
    await writeFile(join(upper, 'own'), '');
    await chown(join(upper, 'own'), 100_007, 100_008);
    const rootOf = Buffer.alloc(4);
    rootOf.writeUInt32LE(100_000);
    const plain = Buffer.from('0100000200200000000000000000000000000000', 'hex');
    syscalls().setAttribute(
      join(upper, 'own'),
      'security.capability',
      Buffer.concat([Buffer.from([1, 0, 0, 3]), plain.subarray(4), rootOf]),
    );
    await commit({}, { ownerInside: ({ uid, gid }: { uid: number; gid: number }) => ({ uid: uid - 100_000, gid: gid - 100_000 }) });
    const [layer = ''] = await unpacked();
    expect(await lstat(join(layer, 'own'))).toMatchObject({ uid: 7, gid: 8 });
    expect(Buffer.from(syscalls().getAttribute(join(layer, 'own'), 'security.capability') ?? [])).toEqual(plain);
  });

  it('leaves out what is there only to be mounted on', async () => {
    for (const directory of ['etc', 'dev', 'proc', 'var/run/secrets', 'data', 'kept'])
      await mkdir(join(upper, directory), { recursive: true });
    for (const file of ['etc/hosts', 'etc/resolv.conf', 'kept/mounted']) await writeFile(join(upper, file), '');
    await writeFile(join(upper, 'kept/own'), 'own');
    const [lower = ''] = (await images.use(image.id, 'base')).layers;
    const destinations = ['/etc/hosts', '/etc/resolv.conf', '/var/run/secrets', '/data', '/kept/mounted', '/nowhere'];
    const left = mountTargets({ upper, lowers: [lower], ownerInside: same }, destinations);
    await commit({}, { isLeftOut: (path: string) => left.has(path) });
    const [layer = ''] = await unpacked();
    expect((await tree(layer)).map(({ below }) => below)).toEqual(['kept', 'kept/own']);
  });

  it.each([
    ['a name that would remove a file', () => writeFile(join(upper, '.wh.file'), ''), 'no layer can hold /.wh.file'],
    [
      'a name that is no UTF-8',
      () => writeFile(Buffer.concat([Buffer.from(`${upper}/`), Buffer.from([0xff])]), ''),
      'its name is no UTF-8',
    ],
    [
      'a directory whose content is elsewhere',
      async () => {
        await mkdir(join(upper, 'moved'));
        syscalls().setAttribute(join(upper, 'moved'), 'trusted.overlay.redirect', Buffer.from('/was'));
      },
      'no layer can hold /moved: overlayfs keeps its content in a layer below',
    ],
  ])('refuses %s, and leaves nothing', async (_, make, message) => {
    await make();
    await expect(commit()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', message: expect.stringContaining(message) });
    expect(await readdir(join(scratch, 'images', 'incoming'))).toEqual([]);
    expect(await images.list()).toHaveLength(1);
  });

  it('refuses a container whose image is in another store, and a name with a digest', async () => {
    const elsewhere = { ...container(), imageId: `sha256:${'0'.repeat(64)}` };
    await expect(images.commit(elsewhere, 'new', {}, signal)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const digest = `localhost/new@${image.manifestDigest}`;
    await expect(images.commit(container(), digest, {}, signal)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('follows no link that the container puts in the way of what is read', async () => {
    const secret = join(scratch, 'secret');
    await mkdir(secret);
    await writeFile(join(secret, 'key'), 'secret of the host');
    await mkdir(join(upper, 'a'));
    await writeFile(join(upper, 'a/key'), '');
    let swapped = false;
    const swap = (path: string) => {
      if (path === 'a') execFileSync('sh', ['-c', 'mv "$0/a" "$0/b"; ln -s "$1" "$0/a"', upper, secret]);
      swapped ||= path === 'a';
      return false;
    };
    await commit({}, { isLeftOut: swap });
    const [layer = ''] = await unpacked();
    expect(swapped).toBe(true);
    expect(JSON.stringify(await tree(layer))).not.toContain('secret of the host');
    await rename(join(upper, 'b'), join(upper, 'c'));
  });

  it('refuses a file that gets shorter while it is read', async () => {
    await writeFile(join(upper, 'log'), Buffer.alloc(4 * 1024 * 1024));
    let shortened = false;
    const ownerInside = (owner: { uid: number; gid: number }) => {
      // Between the look at the file and the reading.
      if (!shortened) execFileSync('truncate', ['-s', '10', join(upper, 'log')]);
      shortened = true;
      return same(owner);
    };
    await expect(commit({}, { ownerInside })).rejects.toMatchObject({
      code: 'ABORTED',
      message: expect.stringContaining('/log changed while it was read'),
    });
  });
});
