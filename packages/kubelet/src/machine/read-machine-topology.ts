import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { CpuSet } from './cpu-set.ts';
import type { Cpu, MachineTopology, NumaNode } from './machine-topology.ts';

/** Where the kernel tells of the machine; other roots are for tests. */
export interface TopologyRoots {
  /** Default `/sys`. */
  sys?: string;
  /** Asked for the memory of a machine whose kernel has no NUMA. Default `/proc`. */
  proc?: string;
}

/**
 * Reads CPUs, NUMA nodes and their memory (sysfs ABI: sysfs-devices-system-cpu, sysfs-devices-node). A kernel without NUMA has one node
 * with everything. UNAVAILABLE where sysfs doesn't tell what CPUs there are.
 */
export async function readMachineTopology({ sys = '/sys', proc = '/proc' }: TopologyRoots = {}): Promise<MachineTopology> {
  const system = join(sys, 'devices/system');
  const online = CpuSet.parse(await needed(join(system, 'cpu/online')));
  const nodes = await readNodes(system, proc, online);
  const nodeOf = (cpu: number) => nodes.find(({ cpus }) => cpus.has(cpu))?.node.id ?? nodes[0]?.node.id ?? 0;
  const cpus = await Promise.all(online.ids.map((id) => readCpu(join(system, `cpu/cpu${id}`), id, nodeOf(id))));
  return { cpus, numaNodes: nodes.map(({ node }) => node) };
}

async function readCpu(directory: string, id: number, numaNode: number): Promise<Cpu> {
  const socket = Number((await optional(join(directory, 'topology/physical_package_id'))) ?? 0);
  const siblings = CpuSet.parse((await optional(join(directory, 'topology/thread_siblings_list'))) ?? `${id}`);
  return {
    id,
    core: siblings.ids[0] ?? id,
    // -1 stands for a socket that the firmware doesn't tell.
    socket: Math.max(socket, 0),
    numaNode,
    uncoreCache: (await lastLevelCache(join(directory, 'cache'))) ?? siblings.ids[0] ?? id,
  };
}

/** The lowest CPU that shares the third level cache; undefined where there is none. */
async function lastLevelCache(directory: string): Promise<number | undefined> {
  const indices = await readdir(directory).catch(() => []);
  for (const index of indices.filter((name) => name.startsWith('index'))) {
    if ((await optional(join(directory, index, 'level')))?.trim() !== '3') continue;
    const sharing = await optional(join(directory, index, 'shared_cpu_list'));
    if (sharing !== undefined) return CpuSet.parse(sharing).ids[0];
  }
  return undefined;
}

interface NodeWithCpus {
  node: NumaNode;
  cpus: CpuSet;
}

async function readNodes(system: string, proc: string, online: CpuSet): Promise<NodeWithCpus[]> {
  const listed = await optional(join(system, 'node/online'));
  if (listed === undefined) {
    const memory = new Map([['memory', memTotal(await needed(join(proc, 'meminfo')))]]);
    return [{ node: { id: 0, memory, distances: new Map([[0, 10]]) }, cpus: online }];
  }
  const ids = CpuSet.parse(listed).ids;
  return Promise.all(ids.map((id) => readNode(join(system, `node/node${id}`), id, ids)));
}

async function readNode(directory: string, id: number, nodes: readonly number[]): Promise<NodeWithCpus> {
  const distances = ((await optional(join(directory, 'distance'))) ?? '').trim().split(/\s+/).map(Number);
  const memory = new Map([['memory', memTotal(await needed(join(directory, 'meminfo')))], ...(await hugePages(directory))]);
  return {
    node: { id, memory, distances: new Map(nodes.map((node, index) => [node, distances[index] || 10])) },
    cpus: CpuSet.parse(await needed(join(directory, 'cpulist'))),
  };
}

async function hugePages(directory: string): Promise<[string, bigint][]> {
  const sizes = await readdir(join(directory, 'hugepages')).catch(() => []);
  const amounts = sizes.map(async (name): Promise<[string, bigint][]> => {
    const kilobytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    if (kilobytes === undefined) return [];
    const pages = BigInt(((await optional(join(directory, 'hugepages', name, 'nr_hugepages'))) ?? '0').trim());
    return [[`hugepages-${binarySize(Number(kilobytes))}`, pages * BigInt(kilobytes) * 1024n]];
  });
  return (await Promise.all(amounts)).flat();
}

/** As resource names write it: 2048 is `2Mi`. */
function binarySize(kilobytes: number): string {
  if (kilobytes % 2 ** 20 === 0) return `${kilobytes / 2 ** 20}Gi`;
  return kilobytes % 1024 === 0 ? `${kilobytes / 1024}Mi` : `${kilobytes}Ki`;
}

/** Bytes, from `MemTotal:` of a meminfo of the machine or of a node. */
function memTotal(text: string): bigint {
  return BigInt(/MemTotal:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * 1024n;
}

async function needed(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw new PluginError('UNAVAILABLE', "can't be read, and tells what CPUs and memory the machine has", {
      object: path,
      hint: 'mount sysfs, or use the policy none for CPUs and memory',
      cause: thrown,
    });
  }
}

/** Undefined for a file that isn't there. */
function optional(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
