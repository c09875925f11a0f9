import { posix } from 'node:path';
import { MountPropagation, NamespaceMode, type SecurityProfile, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import type { Refusal } from '@berth/shim/runtime';

/** Rights about files, ids and the container's own processes. All others are rights in the host's kernel. */
const openCapabilities = `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP SETFCAP MKNOD NET_BIND_SERVICE NET_RAW
  SYS_CHROOT AUDIT_WRITE`.split(/\s+/);

const hostNamespaces = ['network', 'pid', 'ipc'].map(
  (kind): Refusal => ({
    field: `linux.security_context.namespace_options.${kind}`,
    reason: "the host's namespaces are out of a Sentry's reach",
    when: (mode) => mode === NamespaceMode.NODE,
  }),
);

const capabilities = ['add_capabilities', 'add_ambient_capabilities'].map(
  (list): Refusal => ({
    field: `linux.security_context.capabilities.${list}[]`,
    reason: `a capability would be a right in the host's kernel, unless it is one of ${openCapabilities.join(', ')}`,
    when: (name) => !openCapabilities.includes((name as string).toUpperCase().replace(/^CAP_/, '')),
  }),
);

/** What no pod can have under the Sentry, by CRI field. */
export const refused: Refusal[] = [
  ...hostNamespaces,
  { field: 'linux.security_context.privileged', reason: 'a privileged container would be as good as outside of the Sentry' },
  {
    field: 'linux.security_context.seccomp',
    reason: 'the only filter is that of the Sentry',
    when: (profile) => (profile as SecurityProfile | undefined)?.profileType === SecurityProfile_ProfileType.Localhost,
  },
  ...capabilities,
  { field: 'linux.sysctls', reason: "sysctls are the host kernel's, which containers don't run on" },
  { field: 'devices', reason: 'the Sentry opens no devices but /dev/null, zero, full, random and urandom' },
  {
    field: 'mounts[].container_path',
    reason: "/proc and /sys are the Sentry's own",
    when: (path) => /^\/(proc|sys)(\/|$)/.test(posix.normalize(path as string)),
  },
  {
    field: 'mounts[].propagation',
    reason: 'a container under the Sentry mounts nothing that could be passed on',
    when: (propagation) => propagation === MountPropagation.PROPAGATION_BIDIRECTIONAL,
  },
];

/** What a pod can have though not every runtime's can: volumes and PID namespaces are made before the Sentry sees a process. */
export const supported: string[] = [
  'mounts[].image',
  'linux.security_context.namespace_options.pid',
  'linux.security_context.namespace_options.target_id',
];
