import type { Pod, Service } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { ImageSpec } from '@berth/sdk/cri';
import type { NodeCgroups } from '../cgroup/node-cgroups.ts';
import type { SandboxSurroundings } from '../cri/sandbox-config.ts';
import type { PodDns } from '../dns/pod-dns.ts';
import { uidOf } from '../pod.ts';
import type { PodDirectories } from '../pod-directories.ts';
import type { PodEvents } from '../pod-events.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { ObjectSource } from '../sources/object-source.ts';

/** What every action works with. */
export interface ActionContext {
  pod: Pod;
  client: RuntimeClient;
  directories: PodDirectories;
  /** Undefined: pods get no cgroups of their own. */
  cgroups: NodeCgroups | undefined;
  events: PodEvents;
  /** What the pod is called, and how it finds names. */
  dns: PodDns;
  /** Config maps, secrets and service accounts. */
  objects: ObjectSource;
  /** As the cluster has them now; empty without one. */
  services(): readonly Service[];
  /** Addresses of the host, the preferred one first. */
  hostIPs: string[];
  /** What the node has for pods. */
  allocatable(): ResourceAmounts;
  /** Bytes. */
  nodeMemory: bigint;
  /** How long a runtime may take to answer. */
  requestTimeoutMs: number;
}

/** What the node adds to the pod in the messages about its sandbox. */
export async function sandboxSurroundings(context: ActionContext, signal: AbortSignal): Promise<SandboxSurroundings> {
  const { pod, client, directories, dns } = context;
  const cgroups = await context.cgroups?.of(client, signal);
  return {
    kubeletRoot: directories.kubeletRoot,
    logDirectory: directories.logDirectory(pod),
    cgroupParent: cgroups?.parentOf(uidOf(pod)) ?? '',
    hostname: dns.kernelHostnameOf(pod),
    resolver: (await dns.resolverOf(pod)).config,
  };
}

/** How an image is named to the runtime. */
export function imageSpec({ runtimeHandler }: RuntimeClient, image: string): ImageSpec {
  return ImageSpec.create({ image, userSpecifiedImage: image, runtimeHandler });
}
