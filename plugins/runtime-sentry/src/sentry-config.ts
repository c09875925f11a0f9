import { hostname } from 'node:os';
import type { OciConfig } from '@berth/shim/oci/config';
import type { ContainerSpec } from '@berth/shim/runtime';
import { leftToKernel, refusedCloneFlags } from './kernel/calls/left-to-kernel.ts';
import type { ContainerMetadata } from './kernel/filtered-process.ts';
import { allNames } from './kernel/syscall-numbers.ts';

/** What is given to calls without a rule: clone with flags that are refused, and numbers that are newer than the OCI runtime's libseccomp. */
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
          { names: [...leftToKernel], action: 'SCMP_ACT_ALLOW' },
          {
            names: ['clone'],
            action: 'SCMP_ACT_ALLOW',
            args: [{ index: 0, value: refusedCloneFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
          },
          { names: allNames.filter((name) => name !== 'clone' && !leftToKernel.includes(name)), action: 'SCMP_ACT_NOTIFY' },
        ],
      },
    },
  };
}
