import type { LinuxContainerResources } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { blockIo, blockIoFiles } from './block-io.ts';
import type { OciResources } from './config-json.ts';
import type { HostFacts } from './host-facts.ts';

/** The kernel's least; the scale of cgroup v2 begins there. */
const leastShares = 2;

/** Limits as the OCI specification words them; a field that the client left at 0 or empty is left out. */
export function limits(request: LinuxContainerResources | undefined, facts: HostFacts, object: string): Omit<OciResources, 'devices'> {
  if (!request) return {};
  const cpu = withoutEmpty({
    shares: request.cpuShares === 0n ? 0 : Math.max(Number(request.cpuShares), leastShares),
    quota: Number(request.cpuQuota),
    period: Number(request.cpuPeriod),
    cpus: request.cpusetCpus,
    mems: request.cpusetMems,
  });
  const memory = withoutEmpty({
    limit: Number(request.memoryLimitInBytes),
    // A limit on memory alone would be passed by swapping.
    swap: facts.swapAccounting ? Number(request.memorySwapLimitInBytes || request.memoryLimitInBytes) : 0,
  });
  return withoutEmpty({
    cpu,
    memory,
    hugepageLimits: hugepages(request, facts, object),
    unified: unified(request, facts, object),
    blockIO: facts.unifiedCgroups ? undefined : blockIo(request.unified, object),
  });
}

/** Limits for `update`, which OCI runtimes have for all but huge pages and, on cgroup v1, block I/O. */
export function changeableLimits(
  resources: LinuxContainerResources,
  present: LinuxContainerResources | undefined,
  facts: HostFacts,
  object: string,
): Omit<OciResources, 'devices'> {
  const { hugepageLimits, blockIO, ...rest } = limits(resources, facts, object);
  if (blockIO && blockIoFiles.some((file) => resources.unified[file] !== present?.unified[file])) {
    throw new PluginError(
      'FAILED_PRECONDITION',
      "linux.unified: OCI runtimes can't change block I/O limits of cgroup v1 while a container is there",
      {
        object,
        hint: 'create a new container',
      },
    );
  }
  const presentPages = new Map(present?.hugepageLimits.map(({ pageSize, limit }) => [pageSize, Number(limit)]));
  if (!hugepageLimits?.some(({ pageSize, limit }) => (presentPages.get(pageSize) ?? 0) !== limit)) return rest;
  throw new PluginError('FAILED_PRECONDITION', "linux.hugepage_limits: OCI runtimes can't change them while a container is there", {
    object,
    hint: 'create a new container',
  });
}

/** A kubelet sends a limit of 0 for every page size of the host, also where the kernel can't limit them. */
function hugepages(request: LinuxContainerResources, facts: HostFacts, object: string): OciResources['hugepageLimits'] {
  if (facts.hugetlb) return request.hugepageLimits.map(({ pageSize, limit }) => ({ pageSize, limit: Number(limit) }));
  if (request.hugepageLimits.every(({ limit }) => limit === 0n)) return undefined;
  throw new PluginError('FAILED_PRECONDITION', 'linux.resources.hugepage_limits: this host has no hugetlb cgroup controller', { object });
}

/** On cgroup v1 there are only those that `blockIo` words otherwise. */
function unified(request: LinuxContainerResources, facts: HostFacts, object: string): Record<string, string> | undefined {
  if (facts.unifiedCgroups) return request.unified;
  const other = Object.keys(request.unified).find((file) => !blockIoFiles.includes(file));
  if (other === undefined) return undefined;
  throw new PluginError('FAILED_PRECONDITION', `linux.resources.unified: this host uses cgroup v1, which has nothing like ${other}`, {
    object,
  });
}

/** The score to be set, and the one asked for if the host forbids it: lowering one's own takes CAP_SYS_RESOURCE. */
export function oomScore(request: LinuxContainerResources | undefined, facts: HostFacts): { score?: number; withheld?: number } {
  if (!request) return {};
  const asked = Number(request.oomScoreAdj);
  if (facts.lowersOomScore || asked >= facts.oomScoreAdj) return { score: asked };
  return { score: facts.oomScoreAdj, withheld: asked };
}

function withoutEmpty<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value && (typeof value !== 'object' || Object.keys(value).length > 0)),
  ) as Partial<Fields>;
}
