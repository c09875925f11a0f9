import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reservedBytes } from '../guest/memory.ts';
import { containersCgroup } from '../guest/paths.ts';

/** Where the kernel has its tree of cgroups. */
export const cgroupRoot = '/sys/fs/cgroup';

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
  return Math.max(total - reservedBytes, Math.floor(total / 2));
}
