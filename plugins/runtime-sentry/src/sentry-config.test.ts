import { ContainerConfig, PodSandboxConfig } from '@berth/sdk/cri';
import type { OciConfig } from '@berth/shim/oci/config-json';
import type { ContainerSpec } from '@berth/shim/runtime';
import { expect, it } from 'vitest';
import { leftToKernel } from './kernel/calls/left-to-kernel.ts';
import { underSentry } from './sentry-config.ts';

const config = {
  process: { noNewPrivileges: false, args: ['sh'] },
  mounts: ['/proc', '/sys', '/sys/fs/cgroup', '/dev', '/dev/mqueue', '/data'].map((destination) => ({ destination })),
  linux: { cgroupsPath: '/pod' },
} as unknown as OciConfig;
const container = {
  id: 'c1',
  config: ContainerConfig.fromPartial({ linux: { resources: { memoryLimitInBytes: 1024n } } }),
  sandbox: { config: PodSandboxConfig.fromPartial({ hostname: 'web' }) },
} as ContainerSpec;

const adapted = underSentry(config, container, '/run/notify');
const seccomp = adapted.linux.seccomp;

it('hands every call to the listener that isn’t left to the kernel, and has ENOSYS for unknown ones', () => {
  expect(seccomp).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38, listenerPath: '/run/notify' });
  const rules = seccomp?.syscalls ?? [];
  const namesOf = (action: string, byArgument: boolean): string[] =>
    rules.filter((rule) => rule.action === action && (rule.args !== undefined) === byArgument).flatMap(({ names }) => names);
  expect(namesOf('SCMP_ACT_ALLOW', false)).toEqual(leftToKernel);
  expect(new Set(namesOf('SCMP_ACT_ALLOW', true))).toEqual(new Set(['clone', 'fcntl']));
  const notified = namesOf('SCMP_ACT_NOTIFY', false);
  expect(notified).toContain('openat');
  expect(notified.filter((name) => ['clone', 'fcntl', ...leftToKernel].includes(name))).toEqual([]);
});

it('lets the OCI runtime pass on what the Sentry has to know', () => {
  expect(JSON.parse(seccomp?.listenerMetadata ?? '')).toEqual({ containerId: 'c1', hostname: 'web', memoryLimit: 1024 });
});

it('gives no rights by exec and no view of the host’s kernel, and leaves the rest as it was', () => {
  expect(adapted.process).toEqual({ noNewPrivileges: true, args: ['sh'] });
  expect(adapted.mounts.map(({ destination }) => destination)).toEqual(['/proc', '/dev', '/data']);
  expect(adapted.linux.cgroupsPath).toBe('/pod');
});
