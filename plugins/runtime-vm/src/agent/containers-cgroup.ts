import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { containersCgroup } from '../guest/paths.ts';

const mebibyte = 1024 * 1024;

/** Where the kernel has its tree of cgroups. */
export const cgroupRoot = '/sys/fs/cgroup';

/** What agent, OCI runtime and initial root file system take besides the containers: 86 MiB were seen, of which 36 are the agent's program. */
const reserveBytes = 96 * mebibyte;

/**
 * Makes the cgroup that holds all containers, and limits what they take together: where they are at that limit the kernel ends one
 * of their processes. At the machine's own it would first take the agent's program out of memory, page by page, for minutes.
 */
export function limitContainers(): void {
  const path = join(cgroupRoot, containersCgroup);
  writeFileSync(join(cgroupRoot, 'cgroup.subtree_control'), '+memory');
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'memory.max'), String(containersMemory(readFileSync('/proc/meminfo', 'utf8'))));
}

/** In bytes; at least half of a small machine is its containers'. `meminfo` is the content of /proc/meminfo. */
export function containersMemory(meminfo: string): number {
  const [, kibibytes] = /^MemTotal: +(\d+) kB$/m.exec(meminfo) ?? [];
  if (kibibytes === undefined) throw new Error('/proc/meminfo has no MemTotal');
  const total = Number(kibibytes) * 1024;
  return Math.max(total - reserveBytes, Math.floor(total / 2));
}
