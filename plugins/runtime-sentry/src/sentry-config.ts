import { hostname } from 'node:os';
import type { OciConfig } from '@berth/shim/oci/config';
import type { ContainerSpec } from '@berth/shim/runtime';
import type { ContainerMetadata } from './kernel/filtered-process.ts';
import { allNames } from './kernel/syscall-numbers.ts';

/**
 * Calls that go past the Sentry. `write`: runc takes no NOTIFY for it, and it only moves the caller's data to a descriptor that it was given.
 * The others end a process or return from a signal, where a signal that comes during the wait for an answer would spoil the result;
 * they name nothing outside the caller.
 */
export const unfiltered = ['write', 'exit', 'exit_group', 'rt_sigreturn', 'restart_syscall'];

/** Calls without an answer: numbers that are newer than the OCI runtime's libseccomp. */
const ENOSYS = 38;

/** Mounts that show the host's kernel. What programs need of /proc is the Sentry's; runc itself needs the real one there. */
const hiddenMounts = new Set(['/sys', '/sys/fs/cgroup', '/dev/mqueue']);

/** The config.json of a container as it runs under the Sentry that listens on `listenerPath`. Pure. */
export function underSentry(config: OciConfig, container: ContainerSpec, listenerPath: string): OciConfig {
  const { resources } = container.config.linux ?? {};
  const metadata: ContainerMetadata = {
    containerId: container.id,
    hostname: container.sandbox.config.hostname || hostname(),
    memoryLimit: Number(resources?.memoryLimitInBytes ?? 0n),
  };
  return {
    ...config,
    process: { ...config.process, noNewPrivileges: true },
    mounts: config.mounts.filter(({ destination }) => !hiddenMounts.has(destination)),
    linux: {
      ...config.linux,
      seccomp: {
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: ENOSYS,
        architectures: ['SCMP_ARCH_X86_64'],
        listenerPath,
        listenerMetadata: JSON.stringify(metadata),
        syscalls: [
          { names: unfiltered, action: 'SCMP_ACT_ALLOW' },
          { names: allNames.filter((name) => !unfiltered.includes(name)), action: 'SCMP_ACT_NOTIFY' },
        ],
      },
    },
  };
}
