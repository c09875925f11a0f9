import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A machine to be written as a sysfs tree. */
export interface MachineShape {
  /** By socket, by NUMA node in it, by core: the ids of its threads. */
  sockets: number[][][][];
  /** Bytes of each NUMA node. Default 16 GiB. */
  memoryBytes?: number;
  /** Pages of each size in kB, in each NUMA node. */
  hugePages?: Record<number, number>;
  /** Sets of CPUs that share a third level cache each; default one for each NUMA node. */
  caches?: string[];
  /** CPUs that are there and switched off. */
  offline?: number[];
}

/** Two sockets with a NUMA node each, 8 cores in all; with threads CPU n and n+8 are one core, as firmware numbers them. */
export function twoNodes(threads: 1 | 2 = 1): MachineShape {
  const core = (id: number) => (threads === 2 ? [id, id + 8] : [id]);
  return { sockets: [[[0, 1, 2, 3].map(core)], [[4, 5, 6, 7].map(core)]] };
}

/** One socket, one NUMA node, `cores` cores with one thread each. */
export function oneNode(cores: number): MachineShape {
  return { sockets: [[Array.from({ length: cores }, (_, id) => [id])]] };
}

/** A NUMA node of six cores, and one of two. */
export const unevenNodes: MachineShape = { sockets: [[[[0], [1], [2], [3], [4], [5]]], [[[6], [7]]]] };

/** Two sockets with two NUMA nodes each, every node with two cores of two threads. */
export const twoNodesPerSocket: MachineShape = {
  sockets: [0, 8].map((first) =>
    [first, first + 4].map((start) => [
      [start, start + 1],
      [start + 2, start + 3],
    ]),
  ),
};

/** Writes the files that the kernel would have for such a machine below `root`, as `/sys`. */
export async function writeSysfs(root: string, shape: MachineShape): Promise<void> {
  const off = new Set(shape.offline);
  const nodes = shape.sockets.flatMap((socketNodes, socket) => socketNodes.map((cores) => ({ socket, cores })));
  const write = (path: string, text: string) => writeKernelFile(join(root, 'devices/system', path), text);
  const all = nodes.flatMap(({ cores }) => cores.flat());
  await write('cpu/online', list(all.filter((id) => !off.has(id))));
  await write('node/online', list(nodes.map((_, id) => id)));
  const caches = shape.caches ?? nodes.map(({ cores }) => list(cores.flat()));
  for (const [id, { socket, cores }] of nodes.entries()) {
    await write(`node/node${id}/cpulist`, list(cores.flat().filter((cpu) => !off.has(cpu))));
    await write(`node/node${id}/distance`, nodes.map((other, index) => distance(id, socket, index, other.socket)).join(' '));
    await write(`node/node${id}/meminfo`, `Node ${id} MemTotal:       ${(shape.memoryBytes ?? 16 * 2 ** 30) / 1024} kB\n`);
    for (const [size, pages] of Object.entries(shape.hugePages ?? {}))
      await write(`node/node${id}/hugepages/hugepages-${size}kB/nr_hugepages`, `${pages}`);
    for (const threads of cores) {
      for (const cpu of threads) {
        await write(`cpu/cpu${cpu}/topology/physical_package_id`, `${socket}`);
        await write(`cpu/cpu${cpu}/topology/core_id`, `${threads[0]}`);
        await write(`cpu/cpu${cpu}/topology/thread_siblings_list`, list(threads.filter((thread) => !off.has(thread))));
        await write(`cpu/cpu${cpu}/cache/index3/level`, '3');
        await write(`cpu/cpu${cpu}/cache/index3/shared_cpu_list`, caches.find((cache) => expand(cache).includes(cpu)) ?? `${cpu}`);
      }
    }
  }
}

/** 10 to itself, 12 within a socket, 20 to the next one, and so on. */
function distance(from: number, fromSocket: number, to: number, toSocket: number): number {
  return from === to ? 10 : fromSocket === toSocket ? 12 : 10 + 10 * Math.abs(fromSocket - toSocket);
}

function list(ids: number[]): string {
  return ids.toSorted((a, b) => a - b).join(',');
}

function expand(cache: string): number[] {
  return cache.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

async function writeKernelFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${text}\n`);
}
