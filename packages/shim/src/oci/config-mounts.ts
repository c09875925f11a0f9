import { globSync } from 'node:fs';
import type { ContainerMount } from '../runtime.ts';
import type { OciMount } from './config-json.ts';

/** What every container has mounted, ahead of what its request asks for. `sharedMemory`: a host path to be seen as /dev/shm. */
export function defaultMounts({ privileged, sharedMemory }: { privileged: boolean; sharedMemory: string | undefined }): OciMount[] {
  const access = privileged ? 'rw' : 'ro';
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', access] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'relatime', access] },
    sharedMemory === undefined
      ? { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'] }
      : { destination: '/dev/shm', type: 'bind', source: sharedMemory, options: ['rbind', 'rprivate'] },
  ];
}

/** A request's mounts replace a default one at the same place. */
export function mergeMounts(defaults: OciMount[], requested: ContainerMount[]): OciMount[] {
  const taken = new Set(requested.map(({ destination }) => destination));
  return [...defaults.filter(({ destination }) => !taken.has(destination)), ...requested.map(bindMount)];
}

function bindMount({ source, destination, readonly, recursiveReadonly, propagation }: ContainerMount): OciMount {
  const propagationOption = propagation === 'private' ? 'rprivate' : propagation;
  return { destination, type: 'bind', source, options: ['rbind', propagationOption, recursiveReadonly ? 'rro' : readonly ? 'ro' : 'rw'] };
}

/** The root's own propagation has to let through what one of the mounts is to pass on (mount_namespaces(7)). */
export function rootfsPropagation(mounts: ContainerMount[]): string | undefined {
  return (['rshared', 'rslave'] as const).find((mode) => mounts.some(({ propagation }) => propagation === mode));
}

/** What a container doesn't see whose client says nothing of it; what kubelet asks for, and containerd's own default (pkg/oci/spec.go). */
export const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
  // Thermal events tell what other containers compute.
  ...globSync('/sys/devices/system/cpu/cpu*/thermal_throttle'),
];

export const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
