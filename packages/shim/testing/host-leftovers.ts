import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Leftovers {
  processes: string[];
  mounts: string[];
  cgroups: string[];
}

/** What of the containers `ids` below `directory` is on the host. */
export function leftovers(directory: string, ids: string[]): Leftovers {
  const processes = namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => `${textOf(`/proc/${pid}/cmdline`)} ${textOf(`/proc/${pid}/cgroup`)}`)
    .filter((line) => [directory, ...ids].some((own) => line.includes(own)));
  const mounts = textOf('/proc/self/mountinfo')
    .split('\n')
    .filter((line) => line.includes(directory));
  const hierarchies = namesIn('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name));
  const cgroups = ['/sys/fs/cgroup', ...hierarchies].flatMap((hierarchy) => namesIn(hierarchy).filter((name) => ids.includes(name)));
  return { processes, mounts, cgroups };
}

/**
 * Controllers whose hierarchy has no cgroup below its root but those that were removed and that the kernel has yet to free
 * (/proc/cgroups). A hierarchy that is unmounted before that stays bound to its controllers.
 */
export function controllersWithDyingCgroups(): string[] {
  return textOf('/proc/cgroups')
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([, hierarchy, count]) => Number(hierarchy) > 0 && Number(count) > 1)
    .map(([controller = '']) => controller)
    .filter((controller) => !directoriesIn(join('/sys/fs/cgroup', controller)).length);
}

function directoriesIn(path: string): string[] {
  return namesIn(path).filter((name) => statSync(join(path, name), { throwIfNoEntry: false })?.isDirectory());
}

/** Empty for a file that is gone, as of a process that has ended meanwhile. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Empty for what is no directory. */
export function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
