import type { Container, Pod } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';
import { LinuxContainerResources } from '@berth/sdk/cri';
import { qosClassOf } from '../plan/qos-class.ts';
import { specOf } from '../pod.ts';
import type { ContainerAssignment } from '../topology-manager/resource-managers.ts';

const cpuPeriod = 100_000n;
const [leastShares, mostShares] = [2n, 262_144n];
const leastQuota = 1000n;

/** A container's cgroup values, by kubelet's arithmetic (cm/helpers_linux.go). `nodeMemory` is the node's capacity in bytes. */
export function containerResources(
  pod: Pod,
  container: Container,
  nodeMemory: bigint,
  assignment?: ContainerAssignment,
): LinuxContainerResources {
  const { requests, limits } = amounts(container);
  return LinuxContainerResources.create({
    ...cgroupValues(requests.cpu ?? limits.cpu, limits.cpu, limits.memory),
    oomScoreAdj: BigInt(oomScoreAdj(pod, container, nodeMemory)),
    ...(assignment && { cpusetCpus: assignment.cpusetCpus, cpusetMems: assignment.cpusetMems }),
    ...(assignment?.exclusiveCpus && { cpuQuota: -1n }),
  });
}

/** What all of the pod's containers may use together; a limit only where each has one. VMs are sized by it. */
export function sandboxResources(pod: Pod): LinuxContainerResources {
  const all = specOf(pod).containers.map(amounts);
  const sum = (values: (Quantity | undefined)[]) =>
    values.reduce<Quantity>((total, value) => (value ? total.add(value) : total), Quantity.zero);
  const limit = (name: Name) => (all.every(({ limits }) => limits[name]) ? sum(all.map(({ limits }) => limits[name])) : undefined);
  return LinuxContainerResources.create(
    cgroupValues(sum(all.map(({ requests, limits }) => requests.cpu ?? limits.cpu)), limit('cpu'), limit('memory')),
  );
}

/** What the pod takes besides its containers (spec.overhead): as much is requested as it may use. Undefined for a pod without any. */
export function sandboxOverhead(pod: Pod): LinuxContainerResources | undefined {
  const { overhead } = specOf(pod);
  if (!overhead) return undefined;
  const { requests } = amounts({ name: '', resources: { requests: overhead } });
  return LinuxContainerResources.create(cgroupValues(requests.cpu, requests.cpu, requests.memory));
}

type Name = 'cpu' | 'memory';
type Amounts = Record<'requests' | 'limits', Partial<Record<Name, Quantity>>>;

function amounts(container: Container): Amounts {
  const read = (kind: 'requests' | 'limits') => {
    const { cpu, memory } = container.resources?.[kind] ?? {};
    return { ...(cpu !== undefined && { cpu: Quantity.parse(cpu) }), ...(memory !== undefined && { memory: Quantity.parse(memory) }) };
  };
  return { requests: read('requests'), limits: read('limits') };
}

function cgroupValues(
  cpuRequest: Quantity | undefined,
  cpuLimit: Quantity | undefined,
  memoryLimit: Quantity | undefined,
): Partial<LinuxContainerResources> {
  return {
    cpuPeriod,
    cpuShares: sharesOf(cpuRequest?.milliValue() ?? 0n),
    cpuQuota: quotaOf(cpuLimit?.milliValue() ?? 0n),
    memoryLimitInBytes: memoryLimit?.value() ?? 0n,
  };
}

/** cpu.shares of a number of millicores. */
function sharesOf(milli: bigint): bigint {
  const shares = (milli * 1024n) / 1000n;
  return shares < leastShares ? leastShares : shares > mostShares ? mostShares : shares;
}

/** CPU microseconds in each period for a number of millicores; 0 is no limit. */
function quotaOf(milli: bigint): bigint {
  if (milli === 0n) return 0n;
  const quota = (milli * cpuPeriod) / 1000n;
  return quota < leastQuota ? leastQuota : quota;
}

/** How readily the kernel ends the container when memory runs out (qos/policy.go). */
function oomScoreAdj(pod: Pod, container: Container, nodeMemory: bigint): number {
  const qosClass = qosClassOf(pod);
  if (qosClass === 'Guaranteed') return -997;
  if (qosClass === 'BestEffort') return 1000;
  const requested = amounts(container).requests.memory?.value() ?? 0n;
  const score = 1000 - Number((1000n * requested) / (nodeMemory || 1n));
  return Math.min(Math.max(score, 3), 999);
}
