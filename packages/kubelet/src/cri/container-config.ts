import type { Container, Pod } from '@berth/api/objects';
import { ContainerConfig, ImageSpec, LinuxContainerConfig, type Mount, type UserNamespace } from '@berth/sdk/cri';
import type { DeviceRunContainerOptions } from '../device-manager/device-run-container-options.ts';
import { logFileName } from '../pod-directories.ts';
import type { ContainerAssignment } from '../topology-manager/resource-managers.ts';
import type { ContainerResourcesOptions } from './container-resources-options.ts';
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
  variables: ReadonlyMap<string, string>;
  /** Everything that is mounted. */
  mounts: Mount[];
  /** Undefined for a pod that has the host's users. */
  userNamespace: UserNamespace | undefined;
  /** Where localhost profiles of seccomp are. */
  seccompRoot: string;
  /** A pod that says nothing of seccomp gets the runtime's default profile, not none. */
  seccompDefault: boolean;
  containerResourcesOptions: ContainerResourcesOptions;
  assignment?: ContainerAssignment;
  /** What its devices bring with them. */
  devices: Pick<DeviceRunContainerOptions, 'annotations' | 'devices' | 'cdiDevices'>;
  /** The instance whose processes an ephemeral container sees, where it names one. */
  targetId?: string;
}

/** The CRI message for one instance of a container; nothing is looked up or made. */
export function containerConfig(pod: Pod, container: Container, surroundings: ContainerSurroundings): ContainerConfig {
  const { attempt, variables, imageRef, mounts, userNamespace } = surroundings;
  const expanded = (texts: string[] = []) => texts.map((text) => expand(text, variables));
  return ContainerConfig.create({
    metadata: { name: container.name, attempt },
    image: ImageSpec.create({ image: imageRef, userSpecifiedImage: container.image }),
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? '',
    envs: [...variables].map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: mounts.map((mount) => ({ ...mount, uidMappings: userNamespace?.uids ?? [], gidMappings: userNamespace?.gids ?? [] })),
    labels: containerLabels(pod, container),
    devices: [...surroundings.devices.devices],
    CDIDevices: [...surroundings.devices.cdiDevices],
    annotations: { ...Object.fromEntries(surroundings.devices.annotations), ...containerAnnotations(pod, container, attempt) },
    logPath: `${container.name}/${logFileName(attempt)}`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: LinuxContainerConfig.create({
      resources: containerResources(pod, container, surroundings.containerResourcesOptions, surroundings.assignment),
      securityContext: containerSecurityContext(pod, container, surroundings),
    }),
  });
}
