import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { Container, Pod, SELinuxOptions, SeccompProfile, SecurityContext } from '@berth/api/objects';
import {
  type Int64Value,
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  NamespaceMode,
  NamespaceOption,
  SecurityProfile_ProfileType as ProfileType,
  SELinuxOption,
  SecurityProfile,
  SupplementalGroupsPolicy,
  type UserNamespace,
} from '@berth/sdk/cri';
import { allContainers, specOf } from '../pod.ts';

/** What a container doesn't get to see: kubelet's own lists (pkg/securitycontext/util.go). A runtime has lists of its own for clients without any. */
const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
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
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** Which namespaces the pod's containers share with the host, with each other, or with nobody. */
function namespaceOptions(pod: Pod, usernsOptions: UserNamespace | undefined): NamespaceOption {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = specOf(pod);
  return NamespaceOption.create({
    network: hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD,
    pid: hostPID ? NamespaceMode.NODE : shareProcessNamespace ? NamespaceMode.POD : NamespaceMode.CONTAINER,
    ipc: hostIPC ? NamespaceMode.NODE : NamespaceMode.POD,
    usernsOptions,
  });
}

/** Where the pod's processes see each other anyway, no target is needed. */
function withTarget(options: NamespaceOption, targetId: string | undefined): NamespaceOption {
  return targetId && options.pid === NamespaceMode.CONTAINER ? { ...options, pid: NamespaceMode.TARGET, targetId } : options;
}

/** What the sandbox itself runs under; its containers have theirs. */
export function sandboxSecurityContext(pod: Pod, userNamespace: UserNamespace | undefined): LinuxSandboxSecurityContext {
  const { securityContext = {} } = specOf(pod);
  return LinuxSandboxSecurityContext.create({
    namespaceOptions: namespaceOptions(pod, userNamespace),
    privileged: allContainers(pod).some((container) => container.securityContext?.privileged),
    runAsUser: int64(securityContext.runAsUser),
    runAsGroup: int64(securityContext.runAsGroup),
    selinuxOptions: selinux(securityContext.seLinuxOptions),
    // As kubelet has it: profiles of pods are made for what runs in containers.
    seccomp: profile({ type: 'RuntimeDefault' }),
    ...groups(pod),
  });
}

/** What the node adds to a container's security context. */
interface Confinement {
  /** Where localhost profiles of seccomp are. */
  seccompRoot: string;
  /** A pod that says nothing of seccomp gets the runtime's default profile, not none. */
  seccompDefault: boolean;
  /** The pod's; undefined for one that has the host's users. */
  userNamespace: UserNamespace | undefined;
  /** The instance whose processes an ephemeral container sees, where it names one. */
  targetId?: string;
}

/** A container's security context; what it leaves open, the pod's says. */
export function containerSecurityContext(
  pod: Pod,
  container: Container,
  { seccompRoot, seccompDefault, userNamespace, targetId }: Confinement,
): LinuxContainerSecurityContext {
  const merged = mergedSecurityContext(pod, container);
  const { capabilities, privileged = false } = merged;
  const unmasked = privileged || merged.procMount === 'Unmasked';
  return LinuxContainerSecurityContext.create({
    namespaceOptions: withTarget(namespaceOptions(pod, userNamespace), targetId),
    privileged,
    capabilities: capabilities && {
      addCapabilities: capabilities.add ?? [],
      dropCapabilities: capabilities.drop ?? [],
      addAmbientCapabilities: [],
    },
    runAsUser: int64(merged.runAsUser),
    runAsGroup: int64(merged.runAsGroup),
    readonlyRootfs: merged.readOnlyRootFilesystem ?? false,
    noNewPrivs: merged.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : maskedPaths,
    readonlyPaths: unmasked ? [] : readonlyPaths,
    selinuxOptions: selinux(merged.seLinuxOptions),
    seccomp: privileged
      ? SecurityProfile.create({ profileType: ProfileType.Unconfined })
      : seccomp(merged.seccompProfile ?? { type: seccompDefault ? 'RuntimeDefault' : 'Unconfined' }, seccompRoot),
    apparmor: merged.appArmorProfile && profile(merged.appArmorProfile),
    ...groups(pod),
  });
}

/** What a container runs under: its own fields, and the pod's where it leaves them open. */
export function mergedSecurityContext(pod: Pod, container: Container): SecurityContext {
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile } = specOf(pod).securityContext ?? {};
  const own = Object.fromEntries(Object.entries(container.securityContext ?? {}).filter(([, value]) => value !== undefined));
  return { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile, ...own };
}

function groups(pod: Pod): Pick<LinuxContainerSecurityContext, 'supplementalGroups' | 'supplementalGroupsPolicy'> {
  const { supplementalGroups = [], supplementalGroupsPolicy, fsGroup } = specOf(pod).securityContext ?? {};
  return {
    supplementalGroups: [...supplementalGroups, ...(fsGroup === undefined ? [] : [fsGroup])].map(BigInt),
    supplementalGroupsPolicy: supplementalGroupsPolicy === 'Strict' ? SupplementalGroupsPolicy.Strict : SupplementalGroupsPolicy.Merge,
  };
}

/** A localhost profile is a file below kubelet's own directory. */
function seccomp(from: SeccompProfile, seccompRoot: string): SecurityProfile {
  const { profileType, localhostRef } = profile(from);
  return { profileType, localhostRef: profileType === ProfileType.Localhost ? join(seccompRoot, localhostRef) : '' };
}

function profile({ type, localhostProfile = '' }: Pick<SeccompProfile, 'type' | 'localhostProfile'>): SecurityProfile {
  if (type === 'Localhost') return { profileType: ProfileType.Localhost, localhostRef: localhostProfile };
  return { profileType: type === 'Unconfined' ? ProfileType.Unconfined : ProfileType.RuntimeDefault, localhostRef: '' };
}

function selinux(options: SELinuxOptions | undefined): SELinuxOption | undefined {
  return options && SELinuxOption.create(options);
}

function int64(value: number | undefined): Int64Value | undefined {
  return value === undefined ? undefined : { value: BigInt(value) };
}
