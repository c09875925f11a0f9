import type { Container, Pod } from '@berth/api/objects';
import { ImageSpec, type UserNamespace } from '@berth/sdk/cri';
import type { Logger } from 'pino';
import type { NodeCgroups } from '../cgroup/node-cgroups.ts';
import type { ContainerResourcesOptions } from '../cri/container-resources-options.ts';
import type { SandboxSurroundings } from '../cri/sandbox-config.ts';
import type { DeviceManager } from '../device-manager/device-manager.ts';
import type { HandlerTarget } from '../handlers/handler-target.ts';
import type { NodeEnvironment } from '../node-environment.ts';
import { specOf, uidOf } from '../pod.ts';
import type { PodDirectories } from '../pod-directories.ts';
import type { PodEvents } from '../pod-events.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { ContainerAssignment } from '../topology-manager/resource-managers.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';

/** What every action works with. */
export interface ActionContext {
  pod: Pod;
  client: RuntimeClient;
  directories: PodDirectories;
  volumes: PodVolumes;
  /** Undefined: pods get no cgroups of their own. */
  cgroups: NodeCgroups | undefined;
  events: PodEvents;
  /** For what events don't say. */
  log: Logger;
  devices: Pick<DeviceManager, 'allocated' | 'runContainerOptions'>;
  /** What of the node a container of the pod has for itself. */
  assignmentOf(container: Container): ContainerAssignment;
  /** What the node lends to all its pods. */
  environment: NodeEnvironment;
  /** What decides about containers' resources now. */
  containerResourcesOptions(): ContainerResourcesOptions;
  /** How long a runtime may take to answer. */
  requestTimeoutMs: number;
  /** The pod's address now; undefined: it has none. */
  podIP(): string | undefined;
}

/** What a hook of one of the pod's containers acts on. */
export function handlerTarget(
  { pod, client, podIP, requestTimeoutMs }: ActionContext,
  container: Container,
  containerId: string,
): HandlerTarget {
  return { pod, container, containerId, client, podIP: podIP(), requestTimeoutMs };
}

/** What the node adds to the pod in the messages about its sandbox. */
export async function sandboxSurroundings(context: ActionContext, signal: AbortSignal): Promise<SandboxSurroundings> {
  const { pod, client, directories, environment } = context;
  const { dns } = environment;
  return {
    kubeletRoot: directories.kubeletRoot,
    logDirectory: directories.logDirectory(pod),
    cgroupParent: (await context.cgroups?.parentOf(pod, client, signal)) ?? '',
    userNamespace: await userNamespaceOf(context),
    hostname: dns.kernelHostnameOf(pod),
    resolver: (await dns.resolverOf(pod)).config,
  };
}

/** Undefined for a pod that has the host's users. */
export async function userNamespaceOf({ pod, environment }: ActionContext): Promise<UserNamespace | undefined> {
  return specOf(pod).hostUsers === false ? environment.userNamespaces.of(uidOf(pod)) : undefined;
}

/** How an image is named to the runtime. */
export function imageSpec({ runtimeHandler }: RuntimeClient, image: string): ImageSpec {
  return ImageSpec.create({ image, userSpecifiedImage: image, runtimeHandler });
}
