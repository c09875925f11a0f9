import type { Container, Pod, VolumeMount } from '@berth/api/objects';
import { ContainerConfig, ImageSpec, LinuxContainerConfig, Mount, MountPropagation, type UserNamespace } from '@berth/sdk/cri';
import { logFileName } from '../pod-directories.ts';
import type { ContainerAssignment } from '../topology-manager/resource-managers.ts';
import { expand } from './expansion.ts';
import { containerAnnotations, containerLabels } from './labels.ts';
import { containerResources } from './resources.ts';
import { containerSecurityContext } from './security-context.ts';

/** What the node adds to a container to make a CRI message of it. */
interface ContainerSurroundings {
  attempt: number;
  /** What the runtime calls the image; the name in the spec if it told none. */
  imageRef: string;
  /** Its variables, all resolved. */
  environment: ReadonlyMap<string, string>;
  /** What is mounted besides its volumes. */
  mounts: Mount[];
  /** Where each volume of the pod is on the host. */
  volumePaths: ReadonlyMap<string, string>;
  /** Undefined for a pod that has the host's users. */
  userNamespace: UserNamespace | undefined;
  /** Where localhost profiles of seccomp are. */
  seccompRoot: string;
  /** A pod that says nothing of seccomp gets the runtime's default profile, not none. */
  seccompDefault: boolean;
  /** Bytes. */
  nodeMemory: bigint;
  assignment?: ContainerAssignment;
  /** The instance whose processes an ephemeral container sees, where it names one. */
  targetId?: string;
}

/** The CRI message for one instance of a container; nothing is looked up or made. */
export function containerConfig(pod: Pod, container: Container, surroundings: ContainerSurroundings): ContainerConfig {
  const { attempt, environment, imageRef, nodeMemory, userNamespace, assignment } = surroundings;
  const expanded = (texts: string[] = []) => texts.map((text) => expand(text, environment));
  return ContainerConfig.create({
    metadata: { name: container.name, attempt },
    image: ImageSpec.create({ image: imageRef, userSpecifiedImage: container.image }),
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? '',
    envs: [...environment].map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: [...(container.volumeMounts ?? []).map((mount) => criMount(mount, surroundings.volumePaths)), ...surroundings.mounts].map(
      (mount) => ({ ...mount, uidMappings: userNamespace?.uids ?? [], gidMappings: userNamespace?.gids ?? [] }),
    ),
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, attempt),
    logPath: `${container.name}/${logFileName(attempt)}`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: LinuxContainerConfig.create({
      resources: containerResources(pod, container, nodeMemory, assignment),
      securityContext: containerSecurityContext(pod, container, surroundings),
    }),
  });
}

function criMount(mount: VolumeMount, volumePaths: ReadonlyMap<string, string>): Mount {
  const propagations: Record<string, MountPropagation> = {
    HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
    Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
  };
  return Mount.create({
    containerPath: mount.mountPath,
    hostPath: volumePaths.get(mount.name) ?? '',
    readonly: mount.readOnly ?? false,
    recursiveReadOnly: mount.recursiveReadOnly === 'Enabled',
    propagation: propagations[mount.mountPropagation ?? ''] ?? MountPropagation.PROPAGATION_PRIVATE,
  });
}
