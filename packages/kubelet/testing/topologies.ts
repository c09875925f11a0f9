import type { MachineTopology } from '../src/machine/machine-topology.ts';
import type { MachineShape } from './sysfs-tree.ts';

/** The machine of a shape, without going through files. */
export function topologyOf(shape: MachineShape): MachineTopology {
  const nodes = shape.sockets.flatMap((socketNodes, socket) => socketNodes.map((cores) => ({ socket, cores })));
  const cpus = nodes.flatMap(({ socket, cores }, numaNode) =>
    cores.flatMap((threads) => threads.map((id) => ({ id, core: threads[0] ?? id, socket, numaNode, uncoreCache: cores[0]?.[0] ?? 0 }))),
  );
  const distances = new Map(nodes.map((_, id) => [id, 10]));
  return {
    cpus: cpus.toSorted((a, b) => a.id - b.id),
    numaNodes: nodes.map((_, id) => ({ id, memory: new Map([['memory', BigInt(shape.memoryBytes ?? 16 * 2 ** 30)]]), distances })),
  };
}
