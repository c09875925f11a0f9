import { readFile } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';
import { unescapeOctal } from '../mount-points.ts';
import type { ContainerMount } from '../runtime.ts';

/** What the mount that a source lies on has to be, so that the propagation works: as mountinfo says it (proc_pid_mountinfo(5)). */
const needed: Record<ContainerMount['propagation'], { tags: RegExp; word: string; remedy: string } | undefined> = {
  private: undefined,
  rslave: { tags: /^(shared|master):/, word: 'neither shared nor a slave', remedy: '--make-rslave or --make-rshared' },
  rshared: { tags: /^shared:/, word: 'not shared', remedy: '--make-rshared' },
};

/**
 * Throws FAILED_PRECONDITION for a mount whose propagation could never show: nothing is passed on from, or to, a mount that is private
 * on the host. `mountinfo`: where the kernel lists this process's mounts.
 */
export async function checkPropagation(mounts: ContainerMount[], object: string, mountinfo = '/proc/self/mountinfo'): Promise<void> {
  if (mounts.every(({ propagation }) => propagation === 'private')) return;
  const table = await readFile(mountinfo, 'utf8');
  for (const mount of mounts) checkMount(mount, table, object);
}

function checkMount({ source, destination, propagation }: ContainerMount, table: string, object: string): void {
  const need = needed[propagation];
  const { point, tags } = mountOf(source, table);
  if (!need || tags.some((tag) => need.tags.test(tag))) return;
  throw new PluginError('FAILED_PRECONDITION', `the mount of ${source} at ${destination} can't propagate: ${point} is ${need.word}`, {
    object,
    hint: `on this host: mount ${need.remedy} ${point}`,
  });
}

/** The mount point that a path lies on, and its optional fields; of several on one place the last is the one seen. */
function mountOf(path: string, table: string): { point: string; tags: string[] } {
  let found = { point: '/', tags: [] as string[] };
  for (const line of table.split('\n')) {
    const fields = line.split(' ');
    const point = unescapeOctal(fields[4] ?? '');
    const isAbove = point === '/' || path === point || path.startsWith(`${point}/`);
    if (point === '' || !isAbove || point.length < found.point.length) continue;
    found = { point, tags: fields.slice(6, fields.indexOf('-')) };
  }
  return found;
}
