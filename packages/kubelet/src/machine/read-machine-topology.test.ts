import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { twoNodes, twoNodesPerSocket, writeSysfs } from '../../testing/sysfs-tree.ts';
import { countOf, threadsPerCore } from './machine-topology.ts';
import { readMachineTopology } from './read-machine-topology.ts';

let sys: string;

beforeEach(async () => {
  sys = await mkdtemp(join(tmpdir(), 'berth-sys-'));
});

afterEach(() => rm(sys, { recursive: true }));

describe('a machine is read from sysfs', () => {
  it('sockets, NUMA nodes, cores and their threads', async () => {
    await writeSysfs(sys, twoNodes(2));
    const machine = await readMachineTopology({ sys });
    expect(machine.cpus[12]).toEqual({ id: 12, core: 4, socket: 1, numaNode: 1, uncoreCache: 4 });
    expect([countOf(machine, 'core'), countOf(machine, 'socket'), countOf(machine, 'numaNode'), threadsPerCore(machine)]).toEqual([
      8, 2, 2, 2,
    ]);
  });

  it('memory, huge pages and distances of NUMA nodes', async () => {
    await writeSysfs(sys, { ...twoNodesPerSocket, memoryBytes: 2 ** 30, hugePages: { 2048: 10, 1048576: 1, 64: 2 } });
    const [, node] = (await readMachineTopology({ sys })).numaNodes;
    expect(Object.fromEntries(node?.memory ?? [])).toEqual({
      memory: 2n ** 30n,
      'hugepages-2Mi': 20n * 2n ** 20n,
      'hugepages-1Gi': 2n ** 30n,
      'hugepages-64Ki': 128n * 1024n,
    });
    expect([...(node?.distances ?? [])]).toEqual([
      [0, 12],
      [1, 10],
      [2, 20],
      [3, 20],
    ]);
  });

  it('without the CPUs that are switched off', async () => {
    await writeSysfs(sys, { ...twoNodes(), offline: [3] });
    expect((await readMachineTopology({ sys })).cpus.map(({ id }) => id)).toEqual([0, 1, 2, 4, 5, 6, 7]);
  });

  it('a kernel without NUMA has one node with all memory', async () => {
    await mkdir(join(sys, 'devices/system/cpu'), { recursive: true });
    await writeFile(join(sys, 'devices/system/cpu/online'), '0-1\n');
    await writeFile(join(sys, 'meminfo'), 'MemTotal:        1024 kB\nMemFree: 7 kB\n');
    const machine = await readMachineTopology({ sys, proc: sys });
    expect(machine.numaNodes).toEqual([{ id: 0, memory: new Map([['memory', 2n ** 20n]]), distances: new Map([[0, 10]]) }]);
    expect(machine.cpus).toEqual([0, 1].map((id) => ({ id, core: id, socket: 0, numaNode: 0, uncoreCache: id })));
  });

  it('this host', async () => {
    const { cpus, numaNodes } = await readMachineTopology();
    expect(cpus.length).toBeGreaterThan(0);
    expect(numaNodes.every(({ memory }) => (memory.get('memory') ?? 0n) > 0n)).toBe(true);
  });
});

it('without sysfs the file that is missing is named', async () => {
  await expect(readMachineTopology({ sys })).rejects.toThrow(/cpu\/online: can't be read.*; mount sysfs/);
});
