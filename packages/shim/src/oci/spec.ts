import type { SELinuxOption } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { describeContainer } from '../container/container.ts';
import type { ContainerSpec, SandboxSpec } from '../runtime.ts';
import { grantCapabilities } from './capabilities.ts';
import { type CgroupDriver, cgroupsPath } from './cgroup-driver.ts';
import type { OciConfig, OciSeccomp } from './config-json.ts';
import { defaultMounts, maskedPaths, mergeMounts, readonlyPaths, rootfsPropagation } from './config-mounts.ts';
import { hasOwnIpc, idMappings, namespaces, pauseNamespaces } from './config-namespaces.ts';
import type { GrantedDevice } from './devices.ts';
import type { HostFacts } from './host-facts.ts';
import { limits, oomScore } from './resources.ts';
import { selinuxLabels } from './selinux.ts';

export { describeContainer } from '../container/container.ts';

/** crun(1): has a container be in the scope itself, as runc does, not in a cgroup below it that only crun knows; its limits are there too. */
const wholeScope = { 'run.oci.systemd.subgroup': '' };

/** What is read from the host for one container before its configuration can be put together. */
interface SpecInputs {
  container: ContainerSpec;
  facts: HostFacts;
  devices: GrantedDevice[];
  /** The filter for these capabilities. */
  seccomp: OciSeccomp | undefined;
  /** A loaded profile. */
  apparmorProfile: string | undefined;
  /** What the sandbox's containers see as /dev/shm. */
  sharedMemory: string | undefined;
  /** The PID namespace that it joins: of the sandbox's containers, if they share one, or of its target. */
  pidNamespace: string | undefined;
}

/** A container's config.json. Pure: everything about the host comes in. Throws what this runtime can't do, by its CRI field. */
export function containerConfig({
  container,
  facts,
  devices,
  seccomp,
  apparmorProfile,
  sharedMemory,
  pidNamespace,
}: SpecInputs): OciConfig {
  const object = describeContainer(container);
  const context = container.config.linux?.securityContext;
  const resources = container.config.linux?.resources;
  const privileged = context?.privileged ?? false;
  const { granted, ambient } = grantCapabilities(context?.capabilities, privileged, facts.bounding, object);
  const { score } = oomScore(resources, facts);
  const labels = selinuxLabels(selinuxOptions(container), facts.selinux, object);
  const propagation = rootfsPropagation(container.mounts);
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: container.config.tty,
      user: container.process.user,
      args: container.process.args,
      env: container.process.env,
      cwd: container.process.cwd,
      capabilities: { bounding: granted, effective: granted, permitted: granted, inheritable: ambient, ambient },
      noNewPrivileges: context?.noNewPrivs ?? false,
      ...(apparmorProfile !== undefined && { apparmorProfile }),
      ...(labels && { selinuxLabel: labels.process }),
      ...(score !== undefined && { oomScoreAdj: score }),
    },
    root: { path: rootOf(container), readonly: context?.readonlyRootfs ?? false },
    mounts: mergeMounts(
      defaultMounts({ privileged, sharedMemory: hasOwnIpc(context?.namespaceOptions) ? undefined : sharedMemory }),
      container.mounts,
    ),
    annotations: { ...container.config.annotations, ...(facts.cgroupDriver === 'systemd' && wholeScope) },
    linux: {
      namespaces: namespaces(context?.namespaceOptions, container.sandbox, pidNamespace, facts),
      ...idMappings(container.sandbox),
      cgroupsPath: cgroupsPath(facts.cgroupDriver, container.sandbox, container.id),
      resources: { devices: deviceRules(privileged, devices), ...limits(resources, facts, object) },
      devices: devices.map(({ access: _, ...device }) => device),
      sysctl: container.sandbox.config.linux?.sysctls ?? {},
      maskedPaths: hiddenPaths(container, context?.maskedPaths, maskedPaths),
      readonlyPaths: hiddenPaths(container, context?.readonlyPaths, readonlyPaths),
      ...(propagation && { rootfsPropagation: propagation }),
      ...(labels && { mountLabel: labels.mount }),
      ...(seccomp && { seccomp }),
    },
  };
}

interface PauseInputs {
  sandbox: SandboxSpec;
  root: string;
  /** Static: nothing else is in the root. */
  executable: string;
  cgroupDriver: CgroupDriver;
  seccomp: OciSeccomp | undefined;
}

/** Nobody's, unless the sandbox names another. */
const pauseId = 65535;

/** The config.json of the process that holds a sandbox's PID namespace. */
export function pauseConfig({ sandbox, root, executable, cgroupDriver, seccomp }: PauseInputs): OciConfig {
  const { runAsUser, runAsGroup, supplementalGroups = [] } = sandbox.config.linux?.securityContext ?? {};
  const [uid, gid] = [Number(runAsUser?.value ?? pauseId), Number(runAsGroup?.value ?? pauseId)];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid, gid, additionalGids: supplementalGroups.map(Number) },
      args: ['/catatonit', '-P'],
      env: [],
      cwd: '/',
      capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
      noNewPrivileges: true,
    },
    root: { path: root, readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'noexec', 'mode=755', 'size=64k'] },
      { destination: '/catatonit', type: 'bind', source: executable, options: ['bind', 'rprivate', 'ro'] },
    ],
    annotations: {},
    linux: {
      namespaces: pauseNamespaces(sandbox),
      ...idMappings(sandbox),
      cgroupsPath: cgroupsPath(cgroupDriver, sandbox, sandbox.id),
      resources: { devices: deviceRules(false, []) },
      devices: [],
      sysctl: {},
      maskedPaths,
      readonlyPaths,
      ...(seccomp && { seccomp }),
    },
  };
}

/** What a request asked for and the host can't give, in words for the log. */
export function withheld({ config }: ContainerSpec, facts: HostFacts): string[] {
  const { capabilities, privileged = false } = config.linux?.securityContext ?? {};
  const missing = grantCapabilities(capabilities, privileged, facts.bounding, '').withheld;
  const { score, withheld: asked } = oomScore(config.linux?.resources, facts);
  return [
    ...missing.map((capability) => `${capability} is not in the bounding set of this process: containers run without it`),
    ...(asked === undefined
      ? []
      : [`oom_score_adj can't go below ${score} without CAP_SYS_RESOURCE: containers that ask for less get ${score}`]),
  ];
}

/** A container that names none has the pod's; a privileged one is confined only where it says so itself. */
function selinuxOptions({ config, sandbox }: ContainerSpec): SELinuxOption | undefined {
  const { selinuxOptions: own, privileged = false } = config.linux?.securityContext ?? {};
  const isNamed = Object.values(own ?? {}).some((part) => part !== '');
  return isNamed || privileged ? own : sandbox.config.linux?.securityContext?.selinuxOptions;
}

function rootOf(container: ContainerSpec): string {
  if (container.rootfs?.mounted) return container.rootfs.mounted;
  throw new PluginError('FAILED_PRECONDITION', 'its root file system is not mounted', { object: describeContainer(container) });
}

function deviceRules(privileged: boolean, devices: GrantedDevice[]): OciConfig['linux']['resources']['devices'] {
  if (privileged) return [{ allow: true, access: 'rwm' }];
  return [
    { allow: false, access: 'rwm' },
    ...devices.map(({ type, major, minor, access }) => ({ allow: true, type, major, minor, access })),
  ];
}

/**
 * An empty list can't be told from an absent one in the message: it means the defaults, so that clients which say nothing are safe, but
 * for pods with a user namespace, the only ones whose `procMount: Unmasked` Kubernetes takes: it asks for none of them.
 */
function hiddenPaths({ config, sandbox }: ContainerSpec, requested: string[] | undefined, defaults: string[]): string[] {
  if (config.linux?.securityContext?.privileged) return [];
  if (requested?.length) return requested;
  return requested && sandbox.idMappings ? [] : defaults;
}
