import { LinuxPodSandboxConfig } from '@berth/sdk/cri';
import { grantCapabilities } from '@berth/shim/oci/capabilities';
import type { OciConfig } from '@berth/shim/oci/config-json';
import { runtimeDefault, seccompChoice, seccompFilter } from '@berth/shim/oci/seccomp';
import { containerConfig, describeContainer, pauseConfig } from '@berth/shim/oci/spec';
import type { ContainerSpec, SandboxSpec } from '@berth/shim/runtime';
import { containersCgroup, pause, processLink, sharedMemoryPath } from '../guest/paths.ts';
import { guestFacts } from './guest-facts.ts';

/** Where the guest has what a container consists of. */
interface GuestPlaces {
  rootfs: string;
  /** By the source on the host. */
  volumes: ReadonlyMap<string, string>;
}

/** The config.json of a container for the OCI runtime of its guest. */
export async function guestContainerConfig(container: ContainerSpec, { rootfs, volumes }: GuestPlaces): Promise<OciConfig> {
  const object = describeContainer(container);
  const context = container.config.linux?.securityContext;
  const { granted } = grantCapabilities(context?.capabilities, false, guestFacts.bounding, object);
  const config = containerConfig({
    container: {
      ...container,
      sandbox: insideMachine(container.sandbox),
      rootfs: container.rootfs && { ...container.rootfs, mounted: rootfs },
      mounts: container.mounts.map((mount) => ({ ...mount, source: volumes.get(mount.source) ?? mount.source })),
    },
    facts: guestFacts,
    devices: [],
    seccomp: await seccompFilter(seccompChoice(context, object), granted, guestFacts.seccompArchitectures, object),
    sharedMemory: sharedMemoryPath,
    apparmorProfile: undefined,
    pidNamespace: pidNamespace(container),
  });
  // crun sets no score of 0, and the container would keep the agent's, which the kernel spares.
  config.process.oomScoreAdj ||= 1;
  return config;
}

function pidNamespace({ pidTarget, sandbox }: ContainerSpec): string | undefined {
  const holder = pidTarget ?? (sandbox.sharedPid ? sandbox.id : undefined);
  return holder === undefined ? undefined : `${processLink(holder)}/ns/pid`;
}

/** That of the process which holds a pod's shared PID namespace in its guest. */
export function guestPauseConfig(sandbox: SandboxSpec): OciConfig {
  const { seccompArchitectures, cgroupDriver } = guestFacts;
  return pauseConfig({ sandbox: insideMachine(sandbox), ...pause, cgroupDriver, seccomp: runtimeDefault([], seccompArchitectures) });
}

/** The pod's machine is its network, IPC and UTS namespace; its agent has made the containers' cgroup and set the sysctls. */
function insideMachine(sandbox: SandboxSpec): SandboxSpec {
  const { linux } = sandbox.config;
  return {
    ...sandbox,
    namespaces: {},
    config: { ...sandbox.config, linux: LinuxPodSandboxConfig.fromPartial({ ...linux, sysctls: {}, cgroupParent: containersCgroup }) },
  };
}
