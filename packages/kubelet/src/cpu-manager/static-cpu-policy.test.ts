import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resourcePod } from '../../testing/resource-pods.ts';
import { type MachineShape, twoNodes, twoNodesPerSocket } from '../../testing/sysfs-tree.ts';
import { topologyOf } from '../../testing/topologies.ts';
import { CpuSet } from '../machine/cpu-set.ts';
import type { Refusal } from '../plan/observed-pod.ts';
import { allContainers, uidOf } from '../pod.ts';
import { maskOf } from '../topology-manager/numa-mask.ts';
import { readCpuPolicyOptions } from './cpu-policy-options.ts';
import { CpuStateFile } from './cpu-state.ts';
import { reservedCpus } from './reserved-cpus.ts';
import { StaticCpuPolicy } from './static-cpu-policy.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-cpus-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function policy(shape: MachineShape = twoNodes(), options: Record<string, string> = {}, reserved = '0'): StaticCpuPolicy {
  return new StaticCpuPolicy({
    machine: topologyOf(shape),
    options: readCpuPolicyOptions(options),
    reserved: CpuSet.parse(reserved),
    file: new CpuStateFile(join(directory, 'cpu_manager_state'), 'static'),
  });
}

const anywhere = { affinity: undefined, preferred: false };

function allocate(to: StaticCpuPolicy, pod: Pod, nodes?: number[]): Refusal | undefined {
  for (const container of allContainers(pod)) {
    const refusal = to.allocate(pod, container, nodes ? { affinity: maskOf(nodes), preferred: true } : anywhere);
    if (refusal) return refusal;
  }
  return undefined;
}

/** The CPUs of each of the pod's containers. */
function cpus(of: StaticCpuPolicy, pod: Pod): Record<string, string> {
  return Object.fromEntries(allContainers(pod).map(({ name }) => [name, `${of.cpusOf(uidOf(pod), name)}`]));
}

describe('who gets CPUs for itself', () => {
  it.each([
    ['a container of a Guaranteed pod that requests whole CPUs', { cpu: '2', memory: '1Gi' }, '1-2'],
    ['the same number in thousandths', { cpu: '2000m' }, '1-2'],
    ['not one that requests a fraction', { cpu: '1500m' }, '0-7'],
  ])('%s', (_, asks, expected) => {
    const pod = resourcePod('a', { containers: { main: asks } });
    const manager = policy();
    expect(allocate(manager, pod)).toBeUndefined();
    expect(cpus(manager, pod)).toEqual({ main: expected });
  });

  it('not a Burstable pod', () => {
    const pod = resourcePod('a', { containers: { main: { cpu: '2' } } });
    const [main] = allContainers(pod);
    if (main) main.resources = { ...main.resources, requests: { cpu: '2', memory: '1Ki' } };
    const manager = policy();
    allocate(manager, pod);
    expect(cpus(manager, pod)).toEqual({ main: '0-7' });
  });

  it('each container of its own; the others share what is left, the reserved CPUs among them', () => {
    const manager = policy();
    const pod = resourcePod('a', { containers: { one: { cpu: '1' }, two: { cpu: '2' }, half: { cpu: '500m' } } });
    allocate(manager, pod);
    expect(cpus(manager, pod)).toEqual({ one: '1', two: '2-3', half: '0,4-7' });
    manager.release('a');
    expect(cpus(manager, pod)).toEqual({ one: '0-7', two: '0-7', half: '0-7' });
  });

  it('an app container has the CPUs of the init containers before it', () => {
    const manager = policy();
    const pod = resourcePod('a', {
      init: { first: { cpu: '4' }, second: { cpu: '2' } },
      containers: { main: { cpu: '3' }, other: { cpu: '1' } },
    });
    allocate(manager, pod);
    expect(cpus(manager, pod)).toEqual({ first: '4-7', second: '4-5', main: '4-6', other: '7' });
  });

  it('a sidecar keeps its CPUs', () => {
    const manager = policy();
    const pod = resourcePod('a', { sidecars: { proxy: { cpu: '1' } }, containers: { main: { cpu: '1' } } });
    allocate(manager, pod);
    expect(cpus(manager, pod)).toEqual({ proxy: '1', main: '2' });
  });

  it('nobody gets more than are left', () => {
    const manager = policy();
    expect(allocate(manager, resourcePod('a', { containers: { main: { cpu: '6' } } }))).toBeUndefined();
    expect(allocate(manager, resourcePod('b', { containers: { main: { cpu: '2' } } }))).toEqual({
      reason: 'UnexpectedAdmissionError',
      message: 'Allocate failed due to not enough cpus available to satisfy request: requested=2, available=1, which is unexpected',
    });
  });

  it('near to the NUMA nodes of the hint, and from elsewhere if they have too few', () => {
    const manager = policy();
    const pods = [3, 3].map((count, index) => resourcePod(`p${index}`, { containers: { main: { cpu: `${count}` } } }));
    for (const pod of pods) allocate(manager, pod, [1]);
    expect(pods.map((pod) => cpus(manager, pod).main)).toEqual(['4-6', '1-2,7']);
  });
});

describe('options of the policy', () => {
  it('full-pcpus-only refuses half cores', () => {
    const manager = policy(twoNodes(2), { 'full-pcpus-only': 'true' }, '0,8');
    expect(allocate(manager, resourcePod('a', { containers: { main: { cpu: '3' } } }))).toEqual({
      reason: 'SMTAlignmentError',
      message: 'SMT Alignment Error: requested 3 cpus not multiple cpus per core = 2',
    });
    expect(allocate(manager, resourcePod('b', { containers: { main: { cpu: '12' } } }))).toBeUndefined();
    expect(allocate(manager, resourcePod('c', { containers: { main: { cpu: '4' } } }))).toEqual({
      reason: 'SMTAlignmentError',
      message: 'SMT Alignment Error: not enough free physical CPUs: available physical CPUs = 2, requested CPUs = 4, CPUs per core = 2',
    });
  });

  it('full-pcpus-only counts no core of which a thread is reserved', () => {
    const manager = policy(twoNodes(2), { 'full-pcpus-only': 'true' }, '0');
    expect(allocate(manager, resourcePod('a', { containers: { main: { cpu: '14' } } }))).toBeUndefined();
    expect(`${manager.cpusOf('a', 'main')}`).toBe('1-7,9-15');
  });

  it('distribute-cpus-across-numa takes from all nodes alike', () => {
    const manager = policy(twoNodes(), { 'distribute-cpus-across-numa': 'true' });
    allocate(manager, resourcePod('a', { containers: { main: { cpu: '5' } } }));
    expect(`${manager.cpusOf('a', 'main')}`).toBe('1-2,4-6');
  });

  it('distribute-cpus-across-cores takes threads of different cores', () => {
    const manager = policy(twoNodes(2), { 'distribute-cpus-across-cores': 'true' }, '0');
    allocate(manager, resourcePod('a', { containers: { main: { cpu: '2' } } }), [1]);
    expect(`${manager.cpusOf('a', 'main')}`).toBe('4-5');
  });

  it('align-by-socket takes the other NUMA node of the socket', () => {
    const manager = policy(twoNodesPerSocket, { 'align-by-socket': 'true' });
    allocate(manager, resourcePod('a', { containers: { main: { cpu: '6' } } }), [2]);
    expect(`${manager.cpusOf('a', 'main')}`).toBe('8-13');
  });

  it('strict-cpu-reservation keeps the reserved CPUs from all pods', () => {
    const manager = policy(twoNodes(), { 'strict-cpu-reservation': 'true' }, '0-1');
    expect(`${manager.cpusOf('any', 'main')}`).toBe('2-7');
  });

  it.each([
    [{ 'full-pcpu-only': 'true' }, /cpuManagerPolicyOptions\[full-pcpu-only\]: there is no such option; use full-pcpus-only/],
    [{ 'full-pcpus-only': 'yes' }, /full-pcpus-only\]: "yes" is neither/],
    [{ 'full-pcpus-only': 'true', 'distribute-cpus-across-cores': 'true' }, /it excludes distribute-cpus-across-cores/],
  ])('%j is refused', (options, message) => {
    expect(() => readCpuPolicyOptions(options)).toThrow(message);
  });
});

describe('hints', () => {
  const hintsOf = (manager: StaticCpuPolicy, cpu: string) => {
    const pod = resourcePod('x', { containers: { main: { cpu } } });
    const [main] = allContainers(pod);
    return (
      main &&
      manager
        .containerHints(pod, main)
        .get('cpu')
        ?.map(({ affinity, preferred }) => [affinity, preferred])
    );
  };

  it.each([
    [
      'one NUMA node is enough',
      '2',
      [
        [0b01, true],
        [0b10, true],
        [0b11, false],
      ],
    ],
    [
      'a node has too few left',
      '4',
      [
        [0b10, true],
        [0b11, false],
      ],
    ],
    ['it needs both', '5', [[0b11, true]]],
    ['there are too few', '8', []],
  ])('%s', (_, cpu, expected) => {
    expect(hintsOf(policy(), cpu)).toEqual(expected);
  });

  it('no preference without CPUs of its own', () => {
    expect(hintsOf(policy(), '500m')).toBeUndefined();
  });

  it('what a container has stays where it is', () => {
    const manager = policy();
    const pod = resourcePod('x', { containers: { main: { cpu: '2' } } });
    allocate(manager, pod, [1]);
    expect(hintsOf(manager, '2')).toEqual([
      [0b10, true],
      [0b11, false],
    ]);
    expect(hintsOf(manager, '3')).toEqual([]);
  });

  it('with align-by-socket two nodes of one socket are as good as one', () => {
    const manager = policy(twoNodesPerSocket, { 'align-by-socket': 'true' });
    expect(hintsOf(manager, '2')?.filter(([, preferred]) => preferred)).toEqual([1, 2, 4, 8, 3, 12].map((mask) => [mask, true]));
  });

  it('of a pod count its init containers once', () => {
    const pod = resourcePod('a', {
      init: { i: { cpu: '4' } },
      sidecars: { s: { cpu: '1' } },
      containers: { one: { cpu: '2' }, two: { cpu: '1' } },
    });
    expect(policy().podHints(pod).get('cpu')).toEqual([
      { affinity: 0b10, preferred: true },
      { affinity: 0b11, preferred: false },
    ]);
  });
});

describe('reserved CPUs', () => {
  it.each([
    ['those that are named', '3,7', 0n, '3,7'],
    ['as many as the reserved time needs', '', 1100n, '0-1'],
  ])('%s', (_, named, milli, expected) => {
    expect(`${reservedCpus(topologyOf(twoNodes()), named, milli)}`).toBe(expected);
  });

  it.each([
    ['there are none', '', 0n, /cpuManagerPolicy: the policy static needs CPUs that are reserved/],
    ['a CPU is not there', '8', 0n, /reservedSystemCPUs: this machine has no CPU 8 \(it has 0-7\)/],
    ['more time is reserved than there is', '', 9000n, /9 CPUs are reserved, and this machine has 8/],
  ])('refused: %s', (_, named, milli, message) => {
    expect(() => reservedCpus(topologyOf(twoNodes()), named, milli)).toThrow(message);
  });
});
