import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { ListPodResourcesResponse, PodResourcesListerService } from '@berth/sdk/pod-resources';
import { type Implementation, type Served, serve } from '@berth/sdk/serve';
import type { Clock } from '../clock.ts';
import type { PodResourcesMethod, PodResourcesMetrics } from '../metrics/pod-resources-metrics.ts';
import { nameOf, namespaceOf } from '../pod.ts';
import { TokenBucket } from '../token-bucket.ts';
import type { OwnResources } from '../topology-manager/resource-managers.ts';
import { allocatableResources, podResources, type ResourceOwners } from './pod-resources.ts';

interface PodResourcesServerOptions {
  /** `pod-resources` of the kubelet. */
  directory: string;
  owners: ResourceOwners;
  /** What static policies hand out. */
  allocatable(): OwnResources;
  /** Those that were admitted and haven't ended. */
  activePods(): Pod[];
  metrics: PodResourcesMetrics;
  clock: Clock;
}

/** kubelet's (pkg/kubelet/apis/podresources/constants.go): calls a second, and at once. */
const callsPerSecond = 100;
const callsAtOnce = 10;

/** The older API, whose messages are the first fields of these. */
const listerV1Alpha1 = { list: { ...PodResourcesListerService.list, path: '/v1alpha1.PodResourcesLister/List' } };

/** Serves the pod resources API on `kubelet.sock` in its directory: which devices, CPUs and memory each container has. */
export async function servePodResources(options: PodResourcesServerOptions): Promise<Served> {
  const { directory } = options;
  const path = join(directory, 'kubelet.sock');
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const limit = new TokenBucket(callsAtOnce, callsPerSecond, options.clock.now());
  const counted = <T>(version: string, method: PodResourcesMethod, answer: () => T): T => {
    options.metrics.asked(version, method);
    try {
      if (limit.take(options.clock.now())) return answer();
      throw new PluginError('RESOURCE_EXHAUSTED', 'rejected by rate limit');
    } catch (thrown) {
      options.metrics.failed(version, method);
      throw thrown;
    }
  };
  const v1Alpha1 = { list: () => counted('v1alpha1', 'list', () => listDevices(options)) };
  return serve(`unix://${path}`, [
    [PodResourcesListerService, implementation(options, counted)],
    [listerV1Alpha1, v1Alpha1],
  ]);
}

type Counted = <T>(version: string, method: PodResourcesMethod, answer: () => T) => T;

function implementation(options: PodResourcesServerOptions, counted: Counted): Implementation<typeof PodResourcesListerService> {
  const { owners, activePods, allocatable } = options;
  return {
    list: () => counted('v1', 'list', () => list(options)),
    getAllocatableResources: () => counted('v1', 'get_allocatable', () => allocatableResources(owners.devices, allocatable())),
    get: ({ podName, podNamespace }) =>
      counted('v1', 'get', () => {
        const pod = activePods().find((active) => nameOf(active) === podName && namespaceOf(active) === podNamespace);
        if (!pod) throw new PluginError('NOT_FOUND', `pod ${podName} in namespace ${podNamespace} not found`);
        return { podResources: podResources(pod, owners) };
      }),
  };
}

function list({ owners, activePods }: PodResourcesServerOptions): ListPodResourcesResponse {
  return ListPodResourcesResponse.create({ podResources: activePods().map((pod) => podResources(pod, owners)) });
}

/** v1alpha1 knows of no CPUs and no memory. */
function listDevices(options: PodResourcesServerOptions): ListPodResourcesResponse {
  const { podResources: pods } = list(options);
  const devicesOnly = pods.map(({ containers, ...pod }) => ({
    ...pod,
    containers: containers.map(({ name, devices }) => ({
      name,
      devices: devices.map(({ resourceName, deviceIds }) => ({ resourceName, deviceIds })),
    })),
  }));
  return ListPodResourcesResponse.fromPartial({ podResources: devicesOnly });
}
