import { existsSync, globSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemdPods } from './systemd.ts';

const usable = process.getuid?.() === 0 && existsSync('/run/systemd/system');

describe('the cgroup parent of a pod by systemd', () => {
  it.each([
    ['/berth', '8b1c-22', '/berth.slice/berth-pod8b1c_22.slice'],
    ['/my-node/berth', 'u', '/my_node.slice/my_node-berth.slice/my_node-berth-podu.slice'],
    ['/', 'u', '/podu.slice'],
  ])('below %s for %s is %s', (root, uid, parent) => {
    expect(new SystemdPods(root).parentOf(uid)).toBe(parent);
  });
});

describe.skipIf(!usable)('slices of pods [skipped: needs root, and systemd to be running]', () => {
  const root = `/berthtest${process.pid}`;
  const pods = new SystemdPods(root);
  const { signal } = new AbortController();
  const found = () => globSync([`/sys/fs/cgroup${root}.slice`, `/sys/fs/cgroup/systemd${root}.slice`]);

  afterEach(async () => {
    for (const uid of ['a-1', 'a-2']) await pods.remove(uid, signal);
    await pods.removeRoot();
  });

  it('are there from create to remove, and the root as long as one is in it', async () => {
    for (const uid of ['a-1', 'a-2', 'a-2']) await pods.create(uid, signal);
    expect(globSync(found().map((slice) => `${slice}${root}-poda_*.slice`))).toHaveLength(2);
    await pods.remove('a-1', signal);
    await pods.removeRoot();
    expect(globSync(found().map((slice) => `${slice}${root}-poda_*.slice`))).toHaveLength(1);
    await pods.remove('a-2', signal);
    await pods.remove('a-2', signal);
    await pods.removeRoot();
    expect(found()).toEqual([]);
  });
});
