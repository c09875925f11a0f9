import { cpus, totalmem } from 'node:os';
import type { ContainerMetadata } from './filtered-process.ts';

/** What containers see as the machine that they run on. */
export interface Machine {
  hostname: string;
  /** Seconds since the epoch: when the pod's Sentry was started. */
  bootedAt: number;
  /** Bytes of memory. */
  memory: number;
  processors: number;
}

/** Version of the system calls that are answered: uname's release. */
export const release = '6.1.0-berth-sentry';
export const version = '#1 SMP berth-sentry';

/** The machine of a container: as many processors as the host, and the memory that it may use. */
export function machineFor({ hostname, memoryLimit }: ContainerMetadata): Machine {
  const memory = memoryLimit > 0 ? Math.min(memoryLimit, totalmem()) : totalmem();
  return { hostname, bootedAt: Date.now() / 1000 - process.uptime(), memory, processors: cpus().length };
}
