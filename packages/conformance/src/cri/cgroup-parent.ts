import { execFile } from 'node:child_process';
import { readdir, rmdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const root = '/sys/fs/cgroup';
const patienceMs = 2000;
const pollMs = 50;

/** A slice that has to kill what is left in it takes systemd's time limit for units. */
const stopLimitMs = 100_000;

/** The `cgroup_parent` that a kubelet would give a pod: below `parent`, and in its form, which is a path or a systemd slice. */
export function podCgroup(parent: string, uid: string): string {
  if (!isSlice(parent)) return `${parent}/${uid}`;
  // A dash in its name would put the pod's slice below yet another one (systemd.slice(5)).
  return `${parent}/${posix.basename(parent, '.slice')}-${uid.replaceAll('-', '_')}.slice`;
}

/**
 * Removes the cgroups that a kubelet would remove: `parent` and the pods' below it, from every hierarchy of this host. The
 * kernel frees a cgroup a while after its last member has ended; what is still in use after that time stays.
 */
export async function removeCgroupParent(parent: string): Promise<void> {
  // systemd made it for its first scope, and removes it with those below it.
  if (isSlice(parent)) return stopSlice(posix.basename(parent));
  const names: string[] = await readdir(root).catch(() => []);
  const hierarchies = names.includes('cgroup.controllers') ? [root] : names.map((name) => join(root, name));
  await Promise.all(hierarchies.map((hierarchy) => removeTree(join(hierarchy, parent), Date.now() + patienceMs)));
}

function isSlice(parent: string): boolean {
  return parent.endsWith('.slice');
}

async function stopSlice(slice: string): Promise<void> {
  await promisify(execFile)('systemctl', ['stop', slice], { timeout: stopLimitMs });
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
