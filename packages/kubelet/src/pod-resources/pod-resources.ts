import type { Container, Pod } from '@berth/api/objects';
import {
  AllocatableResourcesResponse,
  ContainerDevices,
  ContainerMemory,
  ContainerResources,
  PodResources,
  TopologyInfo,
} from '@berth/sdk/pod-resources';
import type { DeviceHoldings, Holding } from '../device-manager/device-holdings.ts';
import { healthyOf } from '../device-manager/device-set.ts';
import type { MemoryBlock } from '../memory-manager/memory-state.ts';
import { nameOf, namespaceOf, sidecarsOf, specOf } from '../pod.ts';
import { nodesOf } from '../topology-manager/numa-mask.ts';
import type { OwnResources } from '../topology-manager/resource-managers.ts';

/** The devices there are. */
type Devices = Pick<DeviceHoldings, 'resources' | 'devicesOf'>;

/** Who has what. */
export interface ResourceOwners {
  devices: Devices;
  holdingsOf(pod: Pod, container: Container): Holding[];
  ownOf(pod: Pod, container: Container): OwnResources;
}

/** What the containers of a pod have that go on while it runs, in kubelet's form (kubernetes:pkg/kubelet/apis/podresources/server_v1.go). */
export function podResources(pod: Pod, owners: ResourceOwners): PodResources {
  const containers = [...sidecarsOf(pod), ...specOf(pod).containers];
  return PodResources.create({
    name: nameOf(pod),
    namespace: namespaceOf(pod),
    containers: containers.map((container) => containerResources(pod, container, owners)),
  });
}

/** What could be given, were no pod there: healthy devices, and what static policies hand out. */
export function allocatableResources(devices: Devices, { cpus, memory }: OwnResources): AllocatableResourcesResponse {
  return AllocatableResourcesResponse.create({
    devices: devices.resources.flatMap((resource) =>
      deviceMessages(resource, healthyOf(devices.devicesOf(resource) ?? new Map()), devices),
    ),
    cpuIds: cpus.ids.map(BigInt),
    memory: memory.map(memoryMessage),
  });
}

function containerResources(pod: Pod, container: Container, { devices, holdingsOf, ownOf }: ResourceOwners): ContainerResources {
  const { cpus, memory } = ownOf(pod, container);
  return ContainerResources.create({
    name: container.name,
    devices: holdingsOf(pod, container).flatMap(({ resource, ids }) => deviceMessages(resource, ids, devices)),
    cpuIds: cpus.ids.map(BigInt),
    memory: memory.map(memoryMessage),
  });
}

/** One message for each device, since each is near to nodes of its own. */
function deviceMessages(resource: string, ids: readonly string[], devices: Devices): ContainerDevices[] {
  return ids.map((id) => {
    const nodes = nodesOf(devices.devicesOf(resource)?.get(id)?.nodes ?? 0);
    return ContainerDevices.create({ resourceName: resource, deviceIds: [id], ...(nodes.length > 0 && { topology: topologyOf(nodes) }) });
  });
}

function memoryMessage({ type, size, numaAffinity }: MemoryBlock): ContainerMemory {
  return ContainerMemory.create({ memoryType: type, size: BigInt(size), topology: topologyOf(numaAffinity) });
}

function topologyOf(nodes: readonly number[]): TopologyInfo {
  return TopologyInfo.create({ nodes: nodes.map((node) => ({ ID: BigInt(node) })) });
}
