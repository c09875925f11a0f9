import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = '/sys/fs/cgroup';
const patienceMs = 2000;
const pollMs = 50;

/**
 * Removes the cgroups that a kubelet would remove: `parent` and the pods' below it, from every hierarchy of this host. The
 * kernel frees a cgroup a while after its last member has ended; what is still in use after that time stays.
 */
export async function removeCgroupParent(parent: string): Promise<void> {
  const names: string[] = await readdir(root).catch(() => []);
  const hierarchies = names.includes('cgroup.controllers') ? [root] : names.map((name) => join(root, name));
  await Promise.all(hierarchies.map((hierarchy) => removeTree(join(hierarchy, parent), Date.now() + patienceMs)));
}

async function removeTree(directory: string, deadline: number): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  await Promise.all(entries.filter((entry) => entry.isDirectory()).map((entry) => removeTree(join(directory, entry.name), deadline)));
  for (;;) {
    const code = await rmdir(directory).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (code !== 'EBUSY' || Date.now() > deadline) return;
    await sleep(pollMs);
  }
}
