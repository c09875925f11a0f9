import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Asks, resourcePod } from '../../testing/resource-pods.ts';
import { type MachineShape, oneNode, twoNodes, unevenNodes } from '../../testing/sysfs-tree.ts';
import { topologyOf } from '../../testing/topologies.ts';
import { readCpuPolicyOptions } from '../cpu-manager/cpu-policy-options.ts';
import { CpuStateFile } from '../cpu-manager/cpu-state.ts';
import { StaticCpuPolicy } from '../cpu-manager/static-cpu-policy.ts';
import { CpuSet } from '../machine/cpu-set.ts';
import { cpusWhere } from '../machine/machine-topology.ts';
import { MemoryStateFile } from '../memory-manager/memory-state.ts';
import { StaticMemoryPolicy } from '../memory-manager/static-memory-policy.ts';
import { allContainers } from '../pod.ts';
import { topologyManagerPolicies } from './policies.ts';
import { TopologyManager, type TopologyManagerOptions } from './topology-manager.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-topology-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** CPU 0 and a GiB of node 0 are reserved; state is kept in the test's directory. */
function node(
  shape: MachineShape,
  options: Partial<TopologyManagerOptions> = {},
  cpuOptions: Record<string, string> = {},
  place = directory,
) {
  const machine = topologyOf(shape);
  const cpus = new StaticCpuPolicy({
    machine,
    options: readCpuPolicyOptions(cpuOptions),
    reserved: CpuSet.parse('0'),
    file: new CpuStateFile(join(place, 'cpu_manager_state'), 'static'),
  });
  const memory = new StaticMemoryPolicy(
    machine,
    [{ numaNode: 0, limits: { memory: '1Gi' } }],
    new MemoryStateFile(join(place, 'memory_manager_state'), 'Static'),
  );
  const defaults: TopologyManagerOptions = {
    topologyManagerPolicy: 'none',
    topologyManagerScope: 'container',
    topologyManagerPolicyOptions: {},
  };
  return { machine, cpus, memory, topology: new TopologyManager({ ...defaults, ...options }, machine, [cpus, memory]) };
}

const pod = (uid: string, containers: Record<string, Asks>) => resourcePod(uid, { containers });
const affinityError = { reason: 'TopologyAffinityError', message: 'Resources cannot be allocated with Topology locality' };

describe('CPUs and memory come from the same NUMA node', () => {
  it('where the one has the memory and the other has not', () => {
    const { cpus, memory, topology } = node(twoNodes(), { topologyManagerPolicy: 'single-numa-node' });
    expect(topology.allocate(pod('large', { main: { cpu: '1', memory: '14Gi' } }))).toBeUndefined();
    expect(topology.allocate(pod('next', { main: { cpu: '2', memory: '4Gi' } }))).toBeUndefined();
    expect(['large', 'next'].map((uid) => `${cpus.cpusOf(uid, 'main')} ${memory.nodesOf(uid, 'main')}`)).toEqual(['1 0', '4-5 1']);
  });

  it.each([
    ['none', undefined],
    ['best-effort', undefined],
    ['restricted', affinityError],
    ['single-numa-node', affinityError],
  ] as const)('what can not be together: %s', (topologyManagerPolicy, expected) => {
    const { cpus, memory, topology } = node(twoNodes(), { topologyManagerPolicy });
    for (const uid of ['a', 'b']) topology.allocate(pod(uid, { main: { cpu: '2', memory: '1Gi' } }));
    for (const uid of ['a', 'b']) expect(cpus.holders()).toContain(uid);
    expect(topology.allocate(pod('c', { main: { cpu: '3', memory: '1Gi' } }))).toEqual(expected);
    expect(cpus.holders().includes('c')).toBe(expected === undefined);
    expect(memory.holders().includes('c')).toBe(expected === undefined);
  });

  it('a pod that needs more than one node is restricted, and can not be on a single node', () => {
    const large = pod('large', { main: { cpu: '6', memory: '1Gi' } });
    expect(node(twoNodes(), { topologyManagerPolicy: 'single-numa-node' }).topology.allocate(large)).toEqual(affinityError);
  });
});

describe('the scope', () => {
  const four = { one: { cpu: '2' }, two: { cpu: '2' } };

  it('container: each container is on a node of its own choice', () => {
    const { cpus, topology } = node(twoNodes(), { topologyManagerPolicy: 'single-numa-node' });
    expect(topology.allocate(pod('a', four))).toBeUndefined();
    expect(['one', 'two'].map((name) => `${cpus.cpusOf('a', name)}`)).toEqual(['1-2', '4-5']);
  });

  it('pod: all containers are on one node', () => {
    const { cpus, topology } = node(twoNodes(), { topologyManagerPolicy: 'single-numa-node', topologyManagerScope: 'pod' });
    expect(topology.allocate(pod('a', four))).toBeUndefined();
    expect(['one', 'two'].map((name) => `${cpus.cpusOf('a', name)}`)).toEqual(['4-5', '6-7']);
  });
});

it('of a pod that is refused nothing is kept', () => {
  const { cpus, memory, topology } = node(twoNodes());
  expect(topology.allocate(pod('a', { one: { cpu: '4' }, two: { cpu: '4' } }))).toMatchObject({ reason: 'UnexpectedAdmissionError' });
  expect([...cpus.holders(), ...memory.holders()]).toEqual([]);
});

describe('refused', () => {
  it.each([
    [{ 'prefer-closest-numa': 'true' }, /topologyManagerPolicyOptions\[prefer-closest-numa\]: there is no such option/],
    [{ 'prefer-closest-numa-nodes': 'maybe' }, /"maybe" is no boolean/],
    [{ 'max-allowable-numa-nodes': '7' }, /"7" is no number from 8/],
  ])('the options %j', (topologyManagerPolicyOptions, message) => {
    expect(() => node(twoNodes(), { topologyManagerPolicyOptions })).toThrow(message);
  });

  it('more NUMA nodes than are allowed', () => {
    const nine: MachineShape = { sockets: [Array.from({ length: 9 }, (_, id) => [[id]])] };
    const options = { topologyManagerPolicy: 'best-effort' } as const;
    expect(() => node(nine, options)).toThrow(/topology manager: this machine has 9 NUMA nodes, and 8 are allowed; use the policy none/);
    expect(() => node(nine, { ...options, topologyManagerPolicyOptions: { 'max-allowable-numa-nodes': '9' } })).not.toThrow();
    expect(() => node(nine)).not.toThrow();
  });
});

describe('whatever comes and goes, and however often the kubelet starts', () => {
  const asks = fc.record({ cpu: fc.constantFrom('1', '2', '3', '500m'), memory: fc.constantFrom('1Gi', '6Gi', '20Gi') });
  const containers = (most: number) => fc.dictionary(fc.constantFrom('a', 'b', 'c'), asks, { minKeys: 1, maxKeys: most });
  const step = fc.oneof(
    fc.record({
      do: fc.constant('admit' as const),
      uid: fc.constantFrom('p0', 'p1', 'p2', 'p3', 'p4'),
      containers: containers(2),
      init: fc.oneof(fc.constant({}), fc.record({ i: asks })),
      sidecars: fc.oneof(fc.constant({}), fc.record({ s: asks })),
    }),
    fc.record({ do: fc.constant('release' as const), uid: fc.constantFrom('p0', 'p1', 'p2', 'p3', 'p4') }),
    fc.record({ do: fc.constant('restart' as const) }),
  );
  const machines = [twoNodes(), twoNodes(2), oneNode(4), unevenNodes];
  const cpuOptions: Record<string, string>[] = [
    {},
    { 'full-pcpus-only': 'true' },
    { 'distribute-cpus-across-numa': 'true' },
    { 'distribute-cpus-across-cores': 'true' },
  ];

  it('no CPU has two owners, the reserved ones are shared, and memory adds up', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 20 }),
        fc.constantFrom(...machines),
        fc.constantFrom(...topologyManagerPolicies),
        fc.constantFrom('container' as const, 'pod' as const),
        fc.constantFrom(...cpuOptions),
        (steps, shape, topologyManagerPolicy, topologyManagerScope, options) => {
          const place = mkdtempSync(join(directory, 'run-'));
          const start = () => node(shape, { topologyManagerPolicy, topologyManagerScope }, options, place);
          let { machine, cpus, memory, topology } = start();
          const admitted = new Map<string, ReturnType<typeof resourcePod>>();
          for (const each of steps) {
            if (each.do === 'restart') ({ machine, cpus, memory, topology } = start());
            else if (each.do === 'release') {
              admitted.delete(each.uid);
              for (const provider of [cpus, memory]) provider.release(each.uid);
            } else if (!admitted.has(each.uid)) {
              const asking = resourcePod(each.uid, each);
              if (!topology.allocate(asking)) admitted.set(each.uid, asking);
            }
            const shared = cpus.cpusOf('nobody', 'nothing');
            expect(shared.has(0)).toBe(true);
            const owned = [...admitted].map(([uid, { metadata: _, ...rest }]) => {
              const own = allContainers(rest).filter(({ name }) => cpus.hasOwn(uid, name));
              return own.reduce((all, { name }) => all.union(cpus.cpusOf(uid, name)), CpuSet.empty);
            });
            const total = owned.reduce((sum, { size }) => sum + size, shared.size);
            expect(total).toBe(machine.cpus.length);
            expect(owned.reduce((all, set) => all.union(set), shared).equals(cpusWhere(machine))).toBe(true);
          }
          for (const provider of [cpus, memory]) for (const uid of provider.holders()) provider.release(uid);
          expect(start().cpus.cpusOf('nobody', 'nothing').equals(cpusWhere(machine))).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  }, 60_000);
});
