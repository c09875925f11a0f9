import { MountPropagation, NamespaceMode, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import { expect, it } from 'vitest';
import { refused } from './refused.ts';

/** Whether a value of a field is refused. */
function isRefused(field: string, value: unknown): boolean | undefined {
  return refused.find((refusal) => refusal.field === field)?.when?.(value);
}

it.each(['network', 'pid', 'ipc'])('refuses the host’s %s namespace, and takes the pod’s own', (kind) => {
  const field = `linux.security_context.namespace_options.${kind}`;
  expect(isRefused(field, NamespaceMode.NODE)).toBe(true);
  expect(isRefused(field, NamespaceMode.POD)).toBe(false);
  expect(isRefused(field, NamespaceMode.CONTAINER)).toBe(false);
});

it('refuses a filter of the user’s, which it would stand in for', () => {
  const field = 'linux.security_context.seccomp';
  expect(isRefused(field, { profileType: SecurityProfile_ProfileType.Localhost })).toBe(true);
  expect(isRefused(field, { profileType: SecurityProfile_ProfileType.RuntimeDefault })).toBe(false);
  expect(isRefused(field, undefined)).toBe(false);
});

it.each(['add_capabilities', 'add_ambient_capabilities'])('refuses %s that are rights in the host’s kernel', (list) => {
  const field = `linux.security_context.capabilities.${list}[]`;
  for (const name of ['SYS_ADMIN', 'CAP_SYS_PTRACE', 'ALL']) expect(isRefused(field, name)).toBe(true);
  for (const name of ['DAC_READ_SEARCH', 'cap_mknod']) expect(isRefused(field, name)).toBe(false);
});

it.each(['/proc', '/proc/sys', '/sys', '/sys/fs/cgroup', '/data/../proc', '//sys'])('refuses a mount at %s', (path) => {
  expect(isRefused('mounts[].container_path', path)).toBe(true);
  expect(isRefused('mounts[].container_path', '/procedures')).toBe(false);
});

it('refuses mounts that pass on what is mounted in them, and takes others', () => {
  expect(isRefused('mounts[].propagation', MountPropagation.PROPAGATION_BIDIRECTIONAL)).toBe(true);
  expect(isRefused('mounts[].propagation', MountPropagation.PROPAGATION_HOST_TO_CONTAINER)).toBe(false);
});
