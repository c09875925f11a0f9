import { existsSync, globSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CgroupfsPods } from './cgroupfs.ts';

const usable = process.getuid?.() === 0 && existsSync('/sys/fs/cgroup');

it.skipIf(!usable)(
  'a pod has a cgroup in every hierarchy until it is removed, with what was made below [skipped: needs root and cgroups]',
  async () => {
    const root = `/berth-test-${process.pid}`;
    const cgroups = new CgroupfsPods(root);
    const found = () => globSync([`/sys/fs/cgroup${root}/pod*`, `/sys/fs/cgroup/*${root}/pod*`]);
    await cgroups.create('uid');
    expect(cgroups.parentOf('uid')).toBe(`${root}/poduid`);
    expect(found().length).toBeGreaterThan(0);
    for (const directory of found()) await mkdir(join(directory, 'container'));
    await cgroups.remove('uid');
    await cgroups.remove('uid');
    expect(found()).toEqual([]);
    await cgroups.removeRoot();
    expect(globSync([`/sys/fs/cgroup${root}`, `/sys/fs/cgroup/*${root}`])).toEqual([]);
  },
);
