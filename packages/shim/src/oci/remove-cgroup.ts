import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { kill } from './process-signal.ts';

const root = '/sys/fs/cgroup';

/**
 * Removes a container's cgroup from every hierarchy, killing what is in it. For a container whose making was cut off: its OCI
 * runtime has made cgroups, but not yet noted that it did, so that its `delete` knows nothing of them.
 */
export async function removeCgroup(directory: string, signal: AbortSignal): Promise<void> {
  const names = await readdir(root);
  // On v1 each controller has a hierarchy, on v2 there is one for all.
  const hierarchies = names.includes('cgroup.controllers') ? [root] : names.map((name) => join(root, name));
  await Promise.all(hierarchies.map((hierarchy) => removeDirectory(join(hierarchy, directory), signal)));
}

async function removeDirectory(path: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const error = await rmdir(path).then(
      () => undefined,
      (thrown: NodeJS.ErrnoException) => thrown,
    );
    if (!error || error.code === 'ENOENT' || error.code === 'ENOTDIR') return;
    if (error.code !== 'EBUSY') throw error;
    await killMembers(path);
    // The kernel tells nobody when the last member of a cgroup has been reaped.
    await delay(10, undefined, { signal });
  }
}

async function killMembers(path: string): Promise<void> {
  const members = await readFile(join(path, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const pid of members.split('\n').filter(Boolean)) kill(Number(pid), 'SIGKILL');
}
