import { describe, expect, it } from 'vitest';
import type { MachineFacts } from './machine-facts.ts';
import { defaultNodeResources, NodeResources, type NodeResourcesOptions } from './node-resources.ts';

const gibi = 2n ** 30n;
const facts: MachineFacts = {
  cpus: 4,
  memory: 8n * gibi,
  swap: 0n,
  hugePages: [{ size: 2n ** 21n, count: 512n }],
  pids: 1000n,
  machineId: '',
  systemUuid: '',
  bootId: '',
  kernelVersion: '',
  osImage: '',
  operatingSystem: 'linux',
  architecture: 'amd64',
};

const resources = (options: Partial<NodeResourcesOptions> = {}) => new NodeResources(facts, '/', { ...defaultNodeResources, ...options });

describe('what a node has', () => {
  it('is what the machine has, and 110 pods', () => {
    expect(Object.fromEntries(resources().capacity())).toMatchObject({ cpu: 4000n, memory: 8n * gibi, 'hugepages-2Mi': gibi, pods: 110n });
    expect(resources().capacity().get('ephemeral-storage')).toBeGreaterThan(0n);
  });

  it.each([
    ['podsPerCore, where that is less', { podsPerCore: 10 }, 40n],
    ['maxPods, where that is less', { podsPerCore: 10, maxPods: 30 }, 30n],
  ])('counts pods by %s', (_what, options, pods) => {
    expect(resources(options).capacity().get('pods')).toBe(pods);
  });

  it('counts in what its providers have', () => {
    const of = (count: bigint) => () => new Map([['a.b/gpu', count]]);
    const node = new NodeResources(facts, '/', defaultNodeResources, [
      { capacity: of(3n), allocatable: of(1n), held: of(2n), isAwaited: () => false },
    ]);
    const amounts = [node.capacity(), node.allocatable(), node.admissible()].map((each) => each.get('a.b/gpu'));
    expect(amounts).toEqual([3n, 1n, 2n]);
  });
});

describe('what pods may request', () => {
  it('is the capacity without reservations, hard eviction thresholds and huge pages', () => {
    const node = resources({
      systemReserved: { cpu: '500m', memory: '1Gi' },
      kubeReserved: { cpu: '100m', pid: '100' },
      evictionHard: { 'memory.available': '512Mi', 'nodefs.available': '10%' },
    });
    expect(Object.fromEntries(node.allocatable())).toMatchObject({ cpu: 3400n, memory: 8n * gibi - gibi - gibi / 2n - gibi });
    const storage = node.capacity().get('ephemeral-storage') ?? 0n;
    expect(node.allocatable().get('ephemeral-storage')).toBe(storage - storage / 10n);
    expect(Object.fromEntries(node.podLimits())).toMatchObject({ cpu: 3400n, memory: 7n * gibi, pid: 900n });
  });

  it('is nothing where more is reserved than there is', () => {
    expect(
      resources({ systemReserved: { cpu: '9' } })
        .allocatable()
        .get('cpu'),
    ).toBe(0n);
  });

  it.each([
    ['systemReserved', { systemReserved: { cpu: 'much' } }],
    ['evictionHard', { evictionHard: { 'memory.available': 'little' } }],
  ])('is told at the start to be wrong in %s', (field, options) => {
    expect(() => resources(options)).toThrow(`field ${field}`);
  });
});
