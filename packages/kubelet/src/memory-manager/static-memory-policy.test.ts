import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resourcePod } from '../../testing/resource-pods.ts';
import { twoNodes, twoNodesPerSocket } from '../../testing/sysfs-tree.ts';
import { topologyOf } from '../../testing/topologies.ts';
import type { MachineTopology } from '../machine/machine-topology.ts';
import type { Refusal } from '../plan/observed-pod.ts';
import { allContainers, uidOf } from '../pod.ts';
import { maskOf } from '../topology-manager/numa-mask.ts';
import { MemoryStateFile } from './memory-state.ts';
import { checkReservedMemory, type ReservedMemory } from './reserved-memory.ts';
import { StaticMemoryPolicy } from './static-memory-policy.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-memory-'));
  path = join(directory, 'memory_manager_state');
});

afterEach(() => rmSync(directory, { recursive: true }));

/** Two nodes of 16 GiB, of which 1 GiB each is reserved. */
const machine = topologyOf(twoNodes());
const reserved: ReservedMemory[] = [0, 1].map((numaNode) => ({ numaNode, limits: { memory: '1Gi' } }));

const policy = (on: MachineTopology = machine, kept = reserved) => new StaticMemoryPolicy(on, kept, new MemoryStateFile(path, 'Static'));

function allocate(to: StaticMemoryPolicy, pod: Pod, nodes?: number[]): Refusal | undefined {
  for (const container of allContainers(pod)) {
    const hint = nodes ? { affinity: maskOf(nodes), preferred: true } : { affinity: undefined, preferred: false };
    const refusal = to.allocate(pod, container, hint);
    if (refusal) return refusal;
  }
  return undefined;
}

const podOf = (uid: string, memory: string, more = {}) => resourcePod(uid, { containers: { main: { cpu: '1', memory, ...more } } });
const nodesOfMain = (of: StaticMemoryPolicy, pod: Pod) => of.nodesOf(uidOf(pod), 'main')?.toString();
const state = () => JSON.parse(readFileSync(path, 'utf8'));
const free = () =>
  Object.values<{ memoryMap: { memory: { free: number } } }>(state().machineState).map((node) => node.memoryMap.memory.free / 2 ** 30);

describe('memory of a Guaranteed pod', () => {
  it('comes from one NUMA node that has it, and goes back there', () => {
    const manager = policy();
    const pods = ['10Gi', '10Gi'].map((memory, index) => podOf(`p${index}`, memory));
    for (const pod of pods) expect(allocate(manager, pod)).toBeUndefined();
    expect(pods.map((pod) => nodesOfMain(manager, pod))).toEqual(['0', '1']);
    expect(free()).toEqual([5, 5]);
    manager.release('p0');
    expect(free()).toEqual([15, 5]);
    expect(manager.holders()).toEqual(['p1']);
  });

  it('comes from several nodes if none has it', () => {
    const manager = policy();
    const pod = podOf('a', '20Gi');
    allocate(manager, pod);
    expect(nodesOfMain(manager, pod)).toBe('0-1');
    expect(free()).toEqual([0, 10]);
    manager.release('a');
    expect(free()).toEqual([15, 15]);
  });

  it('never comes from a node alone that others have together with a second one, nor the other way round', () => {
    const manager = policy();
    allocate(manager, podOf('both', '20Gi'));
    expect(allocate(manager, podOf('one', '1Gi'))).toBeUndefined();
    expect(nodesOfMain(manager, podOf('one', '1Gi'))).toBe('0-1');
    manager.release('both');
    manager.release('one');
    allocate(manager, podOf('one', '1Gi'));
    expect(allocate(manager, podOf('both', '20Gi'))).toEqual({
      reason: 'UnexpectedAdmissionError',
      message: expect.stringContaining('no NUMA nodes with enough memory is available, which is unexpected'),
    });
  });

  it('comes from the nodes of the hint, and from more around it if they have too little', () => {
    const manager = policy();
    const [near, far] = [podOf('near', '2Gi'), podOf('far', '14Gi')];
    allocate(manager, near, [1]);
    expect(nodesOfMain(manager, near)).toBe('1');
    expect(allocate(manager, far, [1])).toMatchObject({ reason: 'UnexpectedAdmissionError' });
  });

  it('has huge pages by their size', () => {
    const withPages: MachineTopology = {
      ...machine,
      numaNodes: machine.numaNodes.map((node) => ({ ...node, memory: new Map([...node.memory, ['hugepages-1Gi', BigInt(2 * 2 ** 30)]]) })),
    };
    const manager = policy(withPages);
    const pods = ['2Gi', '1Gi'].map((pages, index) => podOf(`p${index}`, '1Gi', { 'hugepages-1Gi': pages }));
    for (const pod of pods) allocate(manager, pod);
    expect(pods.map((pod) => nodesOfMain(manager, pod))).toEqual(['0', '1']);
    expect(free()).toEqual([12, 12]);
  });

  it('that an init container had goes to the next one; a sidecar keeps its own', () => {
    const manager = policy();
    const pod = resourcePod('a', {
      init: { first: { cpu: '1', memory: '8Gi' } },
      sidecars: { proxy: { cpu: '1', memory: '2Gi' } },
      containers: { main: { cpu: '1', memory: '7Gi' } },
    });
    allocate(manager, pod);
    expect(free()).toEqual([6, 15]);
    expect(state().entries.a).toMatchObject({ first: [{ size: 0 }], proxy: [{ size: 2 * 2 ** 30 }], main: [{ size: 7 * 2 ** 30 }] });
    manager.release('a');
    expect(free()).toEqual([15, 15]);
  });

  it('of another class is not set aside', () => {
    const manager = policy();
    const pod = resourcePod('a', { containers: { main: { memory: '1Gi' } } });
    allocate(manager, pod);
    expect(nodesOfMain(manager, pod)).toBeUndefined();
  });
});

describe('hints', () => {
  const hintsOf = (manager: StaticMemoryPolicy, pod: Pod) =>
    manager
      .podHints(pod)
      .get('memory')
      ?.map(({ affinity, preferred }) => [affinity, preferred]);

  it.each([
    [
      'one node is enough',
      '10Gi',
      [
        [0b01, true],
        [0b10, true],
        [0b11, false],
      ],
    ],
    ['both nodes are needed', '20Gi', [[0b11, true]]],
    ['there is too little', '40Gi', []],
  ])('%s', (_, memory, expected) => {
    expect(hintsOf(policy(), podOf('a', memory))).toEqual(expected);
  });

  it('what a pod has stays where it is', () => {
    const manager = policy();
    allocate(manager, podOf('a', '10Gi'), [1]);
    expect(hintsOf(manager, podOf('a', '10Gi'))).toEqual([[0b10, true]]);
  });
});

describe('the state file', () => {
  it.each([
    ['None', '{"policyName":"None","machineState":{},"checksum":4236770233}'],
    [
      'static',
      '{"policyName":"static","machineState":{"0":{"numberOfAssignments":0,"memoryMap":{"memory":{"total":2048,"systemReserved":512,"allocatable":1536,"reserved":512,"free":1024}},"cells":[]}},"entries":{"pod":{"container1":[{"numaAffinity":[0],"type":"memory","size":512}]}},"checksum":4215593881}',
    ],
  ])('is that of kubelet: %s', (policyName, text) => {
    writeFileSync(path, text);
    const file = new MemoryStateFile(path, policyName);
    const loaded = file.load();
    expect(loaded).toBeDefined();
    if (loaded) file.save(loaded);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('is gone on with after a restart', () => {
    const before = policy(topologyOf(twoNodesPerSocket), [{ numaNode: 0, limits: { memory: '1Gi' } }]);
    for (const [uid, memory] of [
      ['a', '20Gi'],
      ['b', '20Gi'],
      ['c', '9Gi'],
    ] as const)
      allocate(before, podOf(uid, memory));
    before.release('a');
    const after = policy(topologyOf(twoNodesPerSocket), [{ numaNode: 0, limits: { memory: '1Gi' } }]);
    expect(after.holders()).toEqual(['b', 'c']);
    expect(nodesOfMain(after, podOf('b', '20Gi'))).toBe(nodesOfMain(before, podOf('b', '20Gi')));
  });

  it('of another machine is refused', () => {
    policy();
    expect(() => policy(topologyOf({ ...twoNodes(), memoryBytes: 2 ** 34 + 2 ** 20 }))).toThrow(
      /memory_manager_state: its machine state isn't what this machine.*; drain this node and delete the file/,
    );
  });
});

describe('reserved memory is refused, if', () => {
  const gib = BigInt(2 ** 30);
  it.each<[string, ReservedMemory[], bigint, RegExp]>([
    ['there is none', [], gib, /reservedMemory: the policy Static needs reserved memory; set it to 1073741824 bytes/],
    ['it is of a node that there is not', [{ numaNode: 2, limits: { memory: '1Gi' } }], gib, /no NUMA node 2; use 0, 1/],
    ['it is no memory', [{ numaNode: 0, limits: { cpu: '1' } }], gib, /"cpu" is no memory/],
    ['it is told twice', [...reserved, ...reserved], 4n * gib, /memory of NUMA node 0 is reserved twice/],
    [
      'it is not what the node keeps from pods',
      reserved,
      gib,
      /is 2147483648 bytes, and kubeReserved, systemReserved and evictionHard make 1073741824/,
    ],
  ])('%s', (_, kept, total, message) => {
    expect(() => checkReservedMemory(machine, kept, total)).toThrow(message);
  });

  it('else it is taken', () => {
    expect(() => checkReservedMemory(machine, reserved, 2n * gib)).not.toThrow();
  });
});
