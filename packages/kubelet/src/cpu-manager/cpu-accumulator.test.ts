import { describe, expect, it } from 'vitest';
import { type MachineShape, oneNode, twoNodes, twoNodesPerSocket, unevenNodes } from '../../testing/sysfs-tree.ts';
import { topologyOf } from '../../testing/topologies.ts';
import { CpuSet } from '../machine/cpu-set.ts';
import { type TakeOptions, takePacked } from './cpu-accumulator.ts';
import { takeDistributed } from './take-distributed.ts';

describe('CPUs are packed', () => {
  it.each<[what: string, shape: MachineShape, available: string, count: number, taken: string, options?: TakeOptions]>([
    ['the lowest core of a free machine', oneNode(4), '0-3', 1, '0'],
    ['both threads of one core', twoNodes(2), '0-15', 2, '0,8'],
    ['a core and a thread of the next', twoNodes(2), '0-15', 3, '0-1,8'],
    ['a whole NUMA node', twoNodes(2), '0-15', 8, '0-3,8-11'],
    ['the NUMA node that is free, for a whole one', twoNodes(), '1-7', 4, '4-7'],
    ['the rest of a NUMA node that others use already', twoNodes(), '2-7', 2, '2-3'],
    ['the second thread of a core that is used already', twoNodes(2), '1-15', 1, '8'],
    ['a whole core in front of single threads', twoNodes(2), '1-3,8-11', 2, '1,9'],
    ['single threads where no core is whole', twoNodes(2), '0-3', 2, '0-1'],
    ['a whole socket of two NUMA nodes', twoNodesPerSocket, '0-15', 8, '0-7'],
    ['the smaller NUMA node, which fits', unevenNodes, '0-7', 2, '6-7'],
    ['threads of different cores, if they are to be spread', twoNodes(2), '0-15', 3, '0-2', { spreadCores: true }],
    ['the second threads once each core has given one', oneCoreNode(), '0-3', 3, '0-2', { spreadCores: true }],
    ['everything', twoNodes(), '0-7', 8, '0-7'],
    ['nothing', twoNodes(), '0-7', 0, ''],
  ])('%s', (_, shape, available, count, taken, options = {}) => {
    expect(`${takePacked(topologyOf(shape), CpuSet.parse(available), count, options)}`).toBe(taken);
  });

  it('more than there are can not be had', () => {
    expect(takePacked(topologyOf(twoNodes()), CpuSet.parse('0-2'), 4)).toBeUndefined();
  });
});

/** Two cores with two threads each: 0 and 1, 2 and 3. */
function oneCoreNode(): MachineShape {
  return {
    sockets: [
      [
        [
          [0, 2],
          [1, 3],
        ],
      ],
    ],
  };
}

describe('last level caches stay whole', () => {
  const machine = topologyOf(oneNode(8));
  const withCaches = { ...machine, cpus: machine.cpus.map((cpu) => ({ ...cpu, uncoreCache: cpu.id - (cpu.id % 4) })) };

  it.each([
    ['a cache that is free, in front of parts of two', '1-7', 4, '4-7'],
    ['the part of one cache that is enough', '2-7', 3, '4-6'],
    ['the smallest part that is enough', '2-7', 2, '2-3'],
    ['a whole cache and a part of the next', '0-7', 6, '0-5'],
    ['parts of both, if none is enough', '0-1,4-5', 3, '0-1,4'],
  ])('%s', (_, available, count, taken) => {
    expect(`${takePacked(withCaches, CpuSet.parse(available), count, { alignByUncoreCache: true })}`).toBe(taken);
  });
});

describe('CPUs are distributed over NUMA nodes', () => {
  it.each<[what: string, shape: MachineShape, available: string, count: number, groupSize: number, taken: string]>([
    ['all on one node if it has them', twoNodes(), '0-7', 4, 1, '0-3'],
    ['as many from each node as from the other', twoNodes(), '0-7', 6, 1, '0-2,4-6'],
    ['one more from the node that has more left', twoNodes(), '1-7', 5, 1, '1-2,4-6'],
    ['by whole cores', twoNodes(2), '0-15', 12, 2, '0-2,4-6,8-10,12-14'],
    ['packed, if the number makes no whole cores', twoNodes(2), '0-15', 9, 2, '0-4,8-11'],
    ['packed, if the nodes are too uneven', unevenNodes, '0-7', 7, 1, '0-4,6-7'],
  ])('%s', (_, shape, available, count, groupSize, taken) => {
    expect(`${takeDistributed(topologyOf(shape), CpuSet.parse(available), count, groupSize, {})}`).toBe(taken);
  });
});
