import { ContainerConfig, NamespaceMode, PodSandboxConfig, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import type { ContainerMount, ContainerSpec, SandboxSpec } from '@berth/shim/runtime';
import { expect, it } from 'vitest';
import { checkContainer, checkSandbox } from './refused.ts';

function sandbox(namespaceOptions: object): SandboxSpec {
  return { id: 's1', config: PodSandboxConfig.fromPartial({ linux: { securityContext: { namespaceOptions } } }) } as SandboxSpec;
}

function container(config: Parameters<typeof ContainerConfig.fromPartial>[0], mounts: Partial<ContainerMount>[] = []): ContainerSpec {
  return { id: 'c1', config: ContainerConfig.fromPartial(config), mounts } as unknown as ContainerSpec;
}

it.each(['network', 'pid', 'ipc'])('refuses the host’s %s namespace by its field', (kind) => {
  expect(() => checkSandbox(sandbox({ [kind]: NamespaceMode.NODE }))).toThrow(`linux.security_context.namespace_options.${kind}`);
});

it('takes pods with namespaces of their own', () => {
  checkSandbox(sandbox({ network: NamespaceMode.POD, pid: NamespaceMode.CONTAINER }));
});

it('refuses a filter of the user’s, which it would stand in for', () => {
  const seccomp = (profileType: SecurityProfile_ProfileType) => container({ linux: { securityContext: { seccomp: { profileType } } } });
  expect(() => checkContainer(seccomp(SecurityProfile_ProfileType.Localhost))).toThrow('linux.security_context.seccomp');
  checkContainer(seccomp(SecurityProfile_ProfileType.RuntimeDefault));
});

it.each(['SYS_ADMIN', 'CAP_SYS_PTRACE', 'ALL'])('refuses the capability %s, and takes those about files', (name) => {
  const adding = (addCapabilities: string[]) => container({ linux: { securityContext: { capabilities: { addCapabilities } } } });
  expect(() => checkContainer(adding(['CHOWN', name]))).toThrow(`linux.security_context.capabilities: ${name}`);
  checkContainer(adding(['DAC_READ_SEARCH', 'cap_mknod']));
});

it.each(['/proc', '/proc/sys', '/sys', '/sys/fs/cgroup'])('refuses a mount at %s', (destination) => {
  expect(() => checkContainer(container({}, [{ destination }]))).toThrow(`${destination} is the Sentry's own`);
});

it('refuses mounts that pass on what is mounted in them, and takes others', () => {
  expect(() => checkContainer(container({}, [{ destination: '/data', propagation: 'rshared' }]))).toThrow('propagation');
  checkContainer(container({}, [{ destination: '/procedures', propagation: 'private' }]));
});
