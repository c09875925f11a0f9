import type { LinuxContainerResources, PodSandboxConfig } from '@berth/sdk/cri';
import { reservedBytes } from '../guest/memory.ts';

export interface MachineSize {
  /** A multiple of 2 MiB. */
  memoryBytes: number;
  cpus: number;
}

const mebibyte = 1024 * 1024;
const memoryGranule = 2 * mebibyte;

/** What the guest's kernel keeps for itself before it counts its memory: 35 MiB were seen, and 1.7% of the machine for its tables. */
const kernelBytes = 36 * mebibyte;
const kernelShare = 0.02;

/**
 * The size of a pod's machine: its limits and overhead (PodSandboxConfig.linux.resources, .overhead) where it has any, but
 * never less than `base`, which is also what a pod without limits gets. Not more CPUs than the host has: `hostCpus`.
 */
export function machineSize({ linux }: PodSandboxConfig, base: MachineSize, hostCpus: number): MachineSize {
  const parts = [linux?.resources, linux?.overhead].filter((part) => part !== undefined);
  return {
    memoryBytes: memory(sum(parts, memoryLimit), base),
    cpus: Math.min(Math.max(Math.ceil(sum(parts, cpuLimit)), base.cpus), hostCpus),
  };
}

function memory(asked: number, base: MachineSize): number {
  const wanted = asked > 0 ? (asked + reservedBytes + kernelBytes) / (1 - kernelShare) : 0;
  return Math.ceil(Math.max(wanted, base.memoryBytes) / memoryGranule) * memoryGranule;
}

function sum(parts: LinuxContainerResources[], of: (part: LinuxContainerResources) => number): number {
  return parts.reduce((total, part) => total + of(part), 0);
}

function memoryLimit({ memoryLimitInBytes }: LinuxContainerResources): number {
  return Math.max(Number(memoryLimitInBytes), 0);
}

/** In CPUs. */
function cpuLimit({ cpuQuota, cpuPeriod }: LinuxContainerResources): number {
  return cpuQuota > 0n && cpuPeriod > 0n ? Number(cpuQuota) / Number(cpuPeriod) : 0;
}
