import { expectTrue, present } from '../expect.ts';
import type { CpuUsage, Figure, FilesystemUsage, MemoryUsage } from './messages.ts';

/** A figure of the statistics. Throws where it is left out. */
export function numberOf(figure: Figure | null | undefined, what: string): bigint {
  return BigInt(present(figure, what).value);
}

/** Throws unless a time, in nanoseconds since 1970, is that of a measurement of the last minutes. */
export function expectRecent(timestamp: string, what: string): void {
  const age = Date.now() - Number(BigInt(timestamp) / 1_000_000n);
  expectTrue(Math.abs(age) < 120_000, `${what} was taken ${age} ms ago`);
}

/** Throws unless processes have used CPU time, and use memory. */
export function expectUsage(cpu: CpuUsage | null, memory: MemoryUsage | null): void {
  expectTrue(numberOf(cpu?.usageCoreNanoSeconds, 'cpu.usage_core_nano_seconds') > 0n, 'no CPU time was used');
  expectTrue(numberOf(memory?.workingSetBytes, 'memory.working_set_bytes') > 0n, 'no memory is in use');
  expectRecent(present(cpu, 'cpu').timestamp, 'cpu');
  expectRecent(present(memory, 'memory').timestamp, 'memory');
}

/** Throws unless something is in use on a file system that has a path. */
export function expectFilesystem(usage: FilesystemUsage | undefined, what: string): void {
  expectTrue(present(present(usage, what).fsId, `${what}.fs_id`).mountpoint.startsWith('/'), `${what}.fs_id.mountpoint is no path`);
  expectTrue(numberOf(usage?.usedBytes, `${what}.used_bytes`) > 0n, `${what}.used_bytes is 0`);
  expectTrue(numberOf(usage?.inodesUsed, `${what}.inodes_used`) >= 0n, `${what}.inodes_used is negative`);
  expectRecent(usage?.timestamp ?? '0', what);
}
