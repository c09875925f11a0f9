import { chmod, mkdtemp, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodSpec, Volume } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { PodDirectories } from '../pod-directories.ts';
import { EmptyDir, memorySize } from './empty-dir.ts';
import { mountsBelow, unmountBelow } from './mount-table.ts';

const isRoot = process.getuid?.() === 0;
const mebibyte = 1024n ** 2n;
/** The file system's number in statfs(2). */
const hugetlbfs = 0x958458f6;
let root: string;
let plugin: EmptyDir;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth empty '));
  plugin = new EmptyDir(new PodDirectories(root, join(root, 'logs')), () => new Map([['memory', 64n * mebibyte]]));
});

afterEach(async () => {
  await unmountBelow(root);
  await rm(root, { recursive: true, force: true });
});

const volumeOf = (emptyDir: NonNullable<Volume['emptyDir']>): Volume => ({ name: 'v', emptyDir });
const made = async (volume: Volume, spec: Partial<PodSpec> = {}) => {
  const pod = makePod(spec);
  await plugin.setUp(pod, volume);
  return plugin.path(pod, volume);
};

describe('an emptyDir', () => {
  it('is open to every user of the pod, and stays as it is when made again', async () => {
    const path = await made(volumeOf({}));
    expect((await stat(path)).mode & 0o777).toBe(0o777);
    await writeFile(join(path, 'kept'), '');
    await chmod(path, 0o700);
    await made(volumeOf({}));
    expect([(await stat(path)).mode & 0o777, (await stat(join(path, 'kept'))).isFile()]).toEqual([0o700, true]);
  });

  it.skipIf(!isRoot)('belongs to the fsGroup (needs root to give it away)', async () => {
    const { gid, mode } = await stat(await made(volumeOf({}), { securityContext: { fsGroup: 4242 } }));
    expect([gid, mode & 0o7777]).toEqual([4242, 0o2777]);
  });

  it.skipIf(!isRoot)('in memory is a tmpfs of its size, which is unmounted as one (needs root to mount)', async () => {
    const path = await made(volumeOf({ medium: 'Memory', sizeLimit: '1Mi' }));
    const { blocks, bsize } = await statfs(path);
    expect([await mountsBelow(root), blocks * bsize, (await stat(path)).mode & 0o777]).toEqual([[path], 2 ** 20, 0o777]);
    await made(volumeOf({ medium: 'Memory', sizeLimit: '1Mi' }));
    expect(await mountsBelow(root)).toEqual([path]);
    await unmountBelow(root);
    expect(await mountsBelow(root)).toEqual([]);
  });

  it.skipIf(!isRoot)('in memory is made anew after the host was started anew', async () => {
    const path = await made(volumeOf({ medium: 'Memory' }));
    await unmountBelow(root);
    await made(volumeOf({ medium: 'Memory' }));
    expect(await mountsBelow(root)).toEqual([path]);
  });

  it.skipIf(!isRoot)('of huge pages is of the size that the containers use (needs root to mount)', async () => {
    const containers = [{ name: 'a', resources: { limits: { 'hugepages-2Mi': '2Mi' } } }];
    const { type, bsize } = await statfs(await made(volumeOf({ medium: 'HugePages' }), { containers }));
    expect([type, bsize]).toEqual([hugetlbfs, 2 ** 21]);
  });

  it.skipIf(!isRoot)('of huge pages needs a container that asks for them', async () => {
    await expect(made(volumeOf({ medium: 'HugePages' }))).rejects.toThrow("the pod's containers ask for no huge pages");
    const containers = [{ name: 'a', resources: { limits: { 'hugepages-2Mi': '2Mi', 'hugepages-1Gi': '1Gi' } } }];
    await expect(made(volumeOf({ medium: 'HugePages' }), { containers })).rejects.toThrow(/use huge pages of 2Mi, 1Gi/);
  });
});

describe('the size of an emptyDir in memory', () => {
  const limited = (memory?: string): PodSpec['containers'][number] => ({ name: 'a', ...(memory && { resources: { limits: { memory } } }) });

  it.each<[string, NonNullable<Volume['emptyDir']>, PodSpec['containers'], bigint]>([
    ['is its sizeLimit', { sizeLimit: '1Mi' }, [limited()], mebibyte],
    ['is what the node has for pods, if that is less', { sizeLimit: '1Gi' }, [limited()], 64n * mebibyte],
    ["is what the pod's containers may use together", {}, [limited('2Mi'), limited('3Mi')], 5n * mebibyte],
    ['is not bounded by one container while another has no limit', {}, [limited('2Mi'), limited()], 64n * mebibyte],
    ['is the least of all', { sizeLimit: '4Mi' }, [limited('2Mi'), limited('3Mi')], 4n * mebibyte],
    ['is not 0', { sizeLimit: '0' }, [limited()], 64n * mebibyte],
  ])('%s', (_what, emptyDir, containers, size) => {
    expect(memorySize(makePod({ containers }), volumeOf(emptyDir), new Map([['memory', 64n * mebibyte]]))).toBe(size);
  });
});
