import { type FileHandle, mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { mountMemory } from './memory-mount.ts';
import { mountsBelow, unmountBelow } from './mount-table.ts';
import { OrphanedPodDirectories } from './orphaned-pod-directories.ts';
import { removePodDirectory } from './pod-directory-removal.ts';
import { bindSubPath } from './sub-path.ts';

const { signal } = new AbortController();
const isRoot = process.getuid?.() === 0;
let root: string;
let held: FileHandle | undefined;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-removal-'));
  await mkdir(join(root, 'host/dir'), { recursive: true });
  await writeFile(join(root, 'host/dir/kept'), '');
});

afterEach(async () => {
  await held?.close();
  held = undefined;
  await unmountBelow(root);
  await rm(root, { recursive: true, force: true });
});

/** A pod's directory as a kubelet that was killed leaves it: with a tmpfs, and a part of the host bound into it. */
async function leftOver(uid: string): Promise<string> {
  const directory = join(root, 'pods', uid);
  await mountMemory(join(directory, 'volumes/kubernetes.io~secret/v'), 2n ** 20n);
  await bindSubPath({ volume: join(root, 'host'), path: 'dir', target: join(directory, 'volume-subpaths/v/c/0') });
  return directory;
}

describe.skipIf(!isRoot)('removing a pod directory (needs root to mount)', () => {
  it('unmounts all below first, and removes nothing of what was mounted', async () => {
    const directory = await leftOver('u1');
    await removePodDirectory(directory, signal);
    expect([await readdir(join(root, 'pods')), await mountsBelow(root), await readdir(join(root, 'host/dir'))]).toEqual([[], [], ['kept']]);
  });

  it('leaves all of it while one mount is in use, and names it', async () => {
    const directory = await leftOver('u1');
    held = await open(join(directory, 'volumes/kubernetes.io~secret/v/file'), 'w');
    await expect(removePodDirectory(directory, signal)).rejects.toThrow(
      /kubernetes\.io~secret\/v: umount failed with EBUSY; end what uses it/,
    );
    expect(await readdir(join(root, 'host/dir'))).toEqual(['kept']);
    expect(await readdir(directory)).toContain('volumes');
  });
});

const metrics = new KubeletMetrics({ nodeName: 'node' });

/** Pods whose volumes the last sweep was to remove, and those of them where it couldn't. */
async function counted(): Promise<(number | undefined)[]> {
  const gauges = [metrics.orphanPodCleanedVolumes, metrics.orphanPodCleanedVolumesErrors];
  return Promise.all(gauges.map(async (gauge) => (await gauge.get()).values[0]?.value));
}

describe.skipIf(!isRoot)('the directories of pods that nobody has (needs root to mount)', () => {
  it('are removed, and those of known pods stay', async () => {
    await leftOver('gone');
    await leftOver('known');
    const orphaned = new OrphanedPodDirectories(join(root, 'pods'), pino({ level: 'silent' }), { metrics });
    orphaned.sweep((uid) => uid === 'known');
    await orphaned.settled();
    expect([await readdir(join(root, 'pods')), (await mountsBelow(root)).length]).toEqual([['known'], 2]);
    expect(await counted()).toEqual([1, 0]);
  });

  it('that are in use are told of once, and removed when they are free', async () => {
    const directory = await leftOver('busy');
    held = await open(join(directory, 'volumes/kubernetes.io~secret/v/file'), 'w');
    const lines: string[] = [];
    const orphaned = new OrphanedPodDirectories(join(root, 'pods'), pino({ level: 'warn' }, { write: (line) => void lines.push(line) }), {
      metrics,
    });
    const sweep = () => {
      orphaned.sweep(() => false);
      return orphaned.settled();
    };
    await sweep();
    await sweep();
    expect(lines).toEqual([expect.stringContaining("orphaned pod busy found, but its volumes can't be removed")]);
    expect(await counted()).toEqual([1, 1]);
    await held.close();
    held = undefined;
    await sweep();
    expect(await counted()).toEqual([1, 0]);
    expect(await readdir(join(root, 'pods'))).toEqual([]);
  });
});

it('without a directory of pods there is nothing to remove', async () => {
  const orphaned = new OrphanedPodDirectories(join(root, 'nowhere'), pino({ level: 'silent' }), { metrics });
  orphaned.sweep(() => false);
  await expect(orphaned.settled()).resolves.toBeUndefined();
});
