import type { Container, Pod } from '@berth/api/objects';
import type { ContainerConfig, Image, Mount } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { containerConfig } from '../cri/container-config.ts';
import { fieldValue, resourceFieldValue } from '../downward-api.ts';
import { containerEnvironment } from '../env/container-environment.ts';
import { ReferredData } from '../env/referred-data.ts';
import { serviceLinks } from '../env/service-links.ts';
import type { StartContainer } from '../plan/action.ts';
import { namespaceOf, specOf } from '../pod.ts';
import { type ActionContext, userNamespaceOf } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';
import { hostsMount } from './hosts-mount.ts';
import { checkNonRoot } from './non-root.ts';
import { terminationLogMount } from './termination-log.ts';
import { volumeMounts } from './volume-mounts.ts';
import { volumePaths } from './volume-paths.ts';

/** The CRI message for the next instance of a container, with all that it refers to looked up, and its devices readied. What is missing is a CreateContainerConfigError in kubelet's words. */
export async function configureContainer(
  context: ActionContext,
  container: Container,
  { attempt, podIPs, sandboxAttempt, targetId }: StartContainer,
  image: Image | undefined,
  signal: AbortSignal,
): Promise<ContainerConfig> {
  try {
    checkNonRoot(context.pod, container, image);
    const devices = await context.devices.runContainerOptions(context.pod, container, signal);
    // What the pod says itself counts, as in kubelet.
    const variables = new Map([...devices.variables, ...(await variablesOf(context, container, podIPs, signal))]);
    const own = await volumeMounts(context, { container, variables, sandboxAttempt }, signal);
    const mounts = withDeviceMounts(own, devices.mounts);
    return containerConfig(context.pod, container, {
      attempt,
      imageRef: image?.id || container.image || '',
      variables,
      mounts: [...mounts, ...(await hostsMount(context, container, podIPs)), ...(await terminationLogMount(context, container))],
      userNamespace: await userNamespaceOf(context),
      seccompDefault: context.environment.seccompDefault,
      seccompRoot: context.directories.seccompRoot,
      assignment: context.assignmentOf(container),
      devices,
      containerResourcesOptions: context.containerResourcesOptions(),
      ...(targetId && { targetId }),
    });
  } catch (thrown) {
    if (thrown instanceof ActionFailure) throw thrown;
    const cause = PluginError.from(thrown);
    throw new ActionFailure('CreateContainerConfigError', cause.message, cause);
  }
}

function variablesOf(context: ActionContext, container: Container, podIPs: string[], signal: AbortSignal): Promise<Map<string, string>> {
  const { pod, environment } = context;
  const { objects, services, allocatable } = environment;
  const hostIPs = environment.hostIPs();
  const namespace = namespaceOf(pod);
  return containerEnvironment(container, {
    objects: new ReferredData(objects, namespace, signal),
    serviceLinks: serviceLinks(services(), namespace, specOf(pod).enableServiceLinks ?? true),
    field: (path) => fieldValue(pod, path, { hostIPs, podIPs: addressesOf(pod, podIPs, hostIPs) }),
    resource: (selector) => resourceFieldValue(pod, selector, allocatable(), container),
    volumePaths: volumePaths(context),
  });
}

/** A path can't be two things. */
function withDeviceMounts(mounts: readonly Mount[], ofDevices: readonly Mount[]): Mount[] {
  const taken = ofDevices.find(({ containerPath }) => mounts.some((mount) => mount.containerPath === containerPath));
  if (!taken) return [...ofDevices, ...mounts];
  throw new PluginError('FAILED_PRECONDITION', 'a device plugin mounts something there, and so does the pod', {
    object: `mount at ${taken.containerPath}`,
    hint: 'mount the volume elsewhere',
  });
}

/** Those of the host where the pod has none of its own. */
function addressesOf(pod: Pod, podIPs: string[], hostIPs: string[]): string[] {
  return specOf(pod).hostNetwork ? hostIPs : podIPs;
}
