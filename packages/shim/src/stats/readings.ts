import type { Usage } from '@berth/sdk/cgroup/usage';
import type { InterfaceCounters } from '@berth/sdk/interface-counters';
import { type Container, containerSpec } from '../container/container.ts';
import { interfaceCounters } from '../network/interface-counters.ts';
import { type Sandbox, sandboxSpec } from '../sandbox/sandbox.ts';
import type { Shim } from '../shim.ts';
import type { LayerSize } from './writable-layers.ts';

/** What a runtime may take to read some counters. */
const readLimitMs = 10_000;

/** All that is read of a container for one answer. What can't be told is left out. */
export interface ContainerReading {
  container: Container;
  usage: Usage | undefined;
  /** Nanoseconds of CPU time a second. */
  cpuRate: bigint | undefined;
  writableLayer: LayerSize | undefined;
}

export interface SandboxReading {
  sandbox: Sandbox;
  /** Of the pod as a whole. */
  usage: Usage | undefined;
  cpuRate: bigint | undefined;
  interfaces: InterfaceCounters[] | undefined;
  /** Running ones. */
  containers: ContainerReading[];
}

export async function readContainer(shim: Shim, container: Container, signal: AbortSignal): Promise<ContainerReading> {
  const { record } = container;
  const [usage, writableLayer] = await Promise.all([
    record.phase === 'running' ? containerUsage(shim, container, signal) : undefined,
    record.rootfs && shim.writableLayers.size(container, record.rootfs.upper),
  ]);
  return { container, usage, cpuRate: usage && shim.cpuRates.rate(container, usage), writableLayer };
}

export async function readSandbox(shim: Shim, sandbox: Sandbox, signal: AbortSignal): Promise<SandboxReading> {
  const running = shim.containers.ofSandbox(sandbox.id).filter(({ record }) => record.phase === 'running');
  const containers = await Promise.all(running.map((container) => readContainer(shim, container, signal)));
  const isReady = sandbox.record.phase === 'ready';
  const usage = isReady ? ((await sandboxUsage(shim, sandbox, signal)) ?? sum(containers)) : undefined;
  const { network } = sandbox.record.namespaces;
  return {
    sandbox,
    usage,
    cpuRate: usage && shim.cpuRates.rate(sandbox, usage),
    interfaces: network === undefined || !isReady ? undefined : interfaceCounters(network),
    containers,
  };
}

async function containerUsage(shim: Shim, container: Container, signal: AbortSignal): Promise<Usage | undefined> {
  const sandbox = shim.sandboxes.find(container.record.sandboxId);
  if (!sandbox) return undefined;
  const spec = containerSpec(container, sandbox, shim.directories);
  return readable(shim, container.id, signal, async (limit) => shim.runtime.usage?.(spec, limit));
}

async function sandboxUsage(shim: Shim, sandbox: Sandbox, signal: AbortSignal): Promise<Usage | undefined> {
  return readable(shim, sandbox.id, signal, async (limit) => shim.runtime.sandboxUsage?.(sandboxSpec(sandbox, shim.directories), limit));
}

/** One whose figures can't be read (a machine that hangs) has none: the figures of the others are told all the same. */
async function readable(
  shim: Shim,
  id: string,
  signal: AbortSignal,
  read: (limit: AbortSignal) => Promise<Usage | undefined>,
): Promise<Usage | undefined> {
  try {
    return await read(AbortSignal.any([signal, AbortSignal.timeout(readLimitMs)]));
  } catch (error) {
    signal.throwIfAborted();
    shim.log.warn({ err: error, id }, 'could not read what it uses');
    return undefined;
  }
}

/** What a pod without a cgroup of its own uses: what its containers do. Pressure can't be added up. */
function sum(containers: ContainerReading[]): Usage | undefined {
  const usages = containers.flatMap(({ usage }) => usage ?? []);
  const [first] = usages;
  if (!first) return undefined;
  const total = (of: (usage: Usage) => bigint | undefined): bigint => usages.reduce((result, usage) => result + (of(usage) ?? 0n), 0n);
  return {
    at: first.at,
    cpu: { total: total(({ cpu }) => cpu?.total) },
    memory: {
      used: total(({ memory }) => memory?.used),
      workingSet: total(({ memory }) => memory?.workingSet),
      rss: total(({ memory }) => memory?.rss),
      pageFaults: total(({ memory }) => memory?.pageFaults),
      majorPageFaults: total(({ memory }) => memory?.majorPageFaults),
    },
    swap: { used: total(({ swap }) => swap?.used) },
    processes: total(({ processes }) => processes),
  };
}
