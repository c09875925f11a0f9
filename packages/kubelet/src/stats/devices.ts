import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unescaped } from '../volumes/mount-table.ts';

/** A line of mountinfo, as far as it tells of a device. */
interface Mount {
  point: string;
  device: string;
}

/**
 * The device of each path's file system, by cAdvisor's name for it (cadvisor:fs/fs.go): a block device's path, the mount point of a tmpfs,
 * `overlay_MAJOR-MINOR` for an overlay. A path that no mount holds is left out.
 */
export async function devicesOf(paths: Iterable<string>, proc: string): Promise<Map<string, string>> {
  const mounts = (await readFile(join(proc, 'self/mountinfo'), 'utf8').catch(() => '')).split('\n').flatMap((line) => mountOf(line) ?? []);
  const found = [...paths].map((path) => [path, deviceAt(path, mounts)] as const);
  return new Map(found.flatMap(([path, device]) => (device === undefined ? [] : [[path, device]])));
}

/** As proc_pid_mountinfo(5): `36 35 98:0 / /mnt rw master:1 - ext4 /dev/sda1 rw`. */
function mountOf(line: string): Mount | undefined {
  const [left = '', right = ''] = line.split(' - ');
  const [, , number = '', , point = ''] = left.split(' ');
  const [type = '', source = ''] = right.split(' ');
  if (point === '' || source === '') return undefined;
  const place = unescaped(point);
  if (type === 'tmpfs') return { point: place, device: place };
  return { point: place, device: type === 'overlay' ? `${source}_${number.replace(':', '-')}` : unescaped(source) };
}

/** That of the mount that is seen at a path: the deepest, and of several on one place the last. */
function deviceAt(path: string, mounts: readonly Mount[]): string | undefined {
  const around = mounts.filter(({ point }) => path === point || path.startsWith(point === '/' ? '/' : `${point}/`));
  const deepest = Math.max(...around.map(({ point }) => point.length));
  return around.findLast(({ point }) => point.length === deepest)?.device;
}
