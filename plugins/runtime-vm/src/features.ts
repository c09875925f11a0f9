import { MountPropagation, NamespaceMode, type SecurityProfile, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import type { Refusal, RuntimeFeatures } from '@berth/shim/runtime';

const hostNamespaces = ['network', 'pid', 'ipc'].map(
  (kind): Refusal => ({
    field: `linux.security_context.namespace_options.${kind}`,
    reason: `a machine has a kernel of its own, and can't share the host's ${kind} namespace`,
    when: (mode) => mode === NamespaceMode.NODE,
  }),
);

const selinux = ['user', 'role', 'type', 'level'].map(
  (part): Refusal => ({
    field: `linux.security_context.selinux_options.${part}`,
    reason: 'SELinux labels are not supported',
  }),
);

const noProfiles = "a machine's kernel has none of the host's AppArmor profiles";
const appArmor: Refusal[] = [
  {
    field: 'linux.security_context.apparmor',
    reason: noProfiles,
    when: (profile) => (profile as SecurityProfile | undefined)?.profileType === SecurityProfile_ProfileType.Localhost,
  },
  {
    field: 'linux.security_context.apparmor_profile',
    reason: noProfiles,
    when: (profile) => (profile as string | undefined)?.startsWith('localhost/') ?? false,
  },
];

/** What pods can't have in a machine, or not yet. */
const refused: Refusal[] = [
  ...hostNamespaces,
  ...selinux,
  ...appArmor,
  { field: 'linux.security_context.privileged', reason: "a machine has none of the host's devices" },
  { field: 'devices', reason: "a machine has none of the host's devices" },
  { field: 'tty', reason: 'terminals are not supported' },
  {
    field: 'mounts[].propagation',
    reason: 'mounts made later are not passed on between a machine and its host',
    when: (propagation) => propagation !== MountPropagation.PROPAGATION_PRIVATE,
  },
];

/** The network namespace is where the machine's network card is; IPC and UTS are those of the machine's own kernel. */
export const features: RuntimeFeatures = { rootfs: 'mounted', network: true, namespaces: false, interactive: true, refused };

/** What pods can have in a machine though not with every runtime: volumes of images, and the PID namespace of another container. */
export const supported: string[] = [
  'mounts[].image',
  'linux.security_context.namespace_options.pid',
  'linux.security_context.namespace_options.target_id',
];
