import { hostname } from 'node:os';
import type { OciConfig } from '@berth/shim/oci/config-json';
import type { ContainerSpec } from '@berth/shim/runtime';
import { leftByArgument, leftToKernel } from './kernel/calls/left-to-kernel.ts';
import { ENOSYS } from './kernel/errno.ts';
import type { ContainerMetadata } from './kernel/filtered-process.ts';
import { allNames } from './kernel/syscall-numbers.ts';

type Seccomp = NonNullable<OciConfig['linux']['seccomp']>;

/** Mounts that show the host's kernel. What programs need of /proc is the Sentry's; runc itself needs the real one there. */
const hiddenMounts = new Set(['/sys', '/sys/fs/cgroup', '/dev/mqueue']);

/** The config.json of a container as it runs under the Sentry that listens on `listenerPath`. Pure. */
export function underSentry(config: OciConfig, container: ContainerSpec, listenerPath: string): OciConfig {
  const metadata: ContainerMetadata = {
    containerId: container.id,
    hostname: container.sandbox.config.hostname || hostname(),
    memoryLimit: Number(container.config.linux?.resources?.memoryLimitInBytes ?? 0n),
  };
  return {
    ...config,
    process: { ...config.process, noNewPrivileges: true },
    mounts: config.mounts.filter(({ destination }) => !hiddenMounts.has(destination)),
    linux: {
      ...config.linux,
      seccomp: {
        defaultAction: 'SCMP_ACT_ERRNO',
        // For calls left to the kernel by an argument, with another one; and for numbers newer than the OCI runtime's libseccomp.
        defaultErrnoRet: ENOSYS,
        architectures: ['SCMP_ARCH_X86_64'],
        listenerPath,
        listenerMetadata: JSON.stringify(metadata),
        syscalls: rules(),
      },
    },
  };
}

function rules(): Seccomp['syscalls'] {
  const left = new Set([...leftToKernel, ...leftByArgument.map(({ name }) => name)]);
  return [
    { names: [...leftToKernel], action: 'SCMP_ACT_ALLOW' },
    ...leftByArgument.map(({ name, argument, mask, value }) => ({
      names: [name],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: argument, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' }],
    })),
    { names: allNames.filter((name) => !left.has(name)), action: 'SCMP_ACT_NOTIFY' },
  ];
}
