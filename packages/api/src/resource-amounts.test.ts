import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from './objects.ts';
import { allocatableOf, podRequests } from './resource-amounts.ts';

const asking = (requests: Record<string, string>, more: Partial<Container> = {}): Container => ({
  name: 'c',
  image: 'a:1',
  resources: { requests },
  ...more,
});
const podOf = (spec: Partial<PodSpec>): Pod => ({ apiVersion: 'v1', kind: 'Pod', spec: { containers: [], ...spec } });
const requests = (spec: Partial<PodSpec>) => Object.fromEntries(podRequests(podOf(spec)));

describe('podRequests', () => {
  it('adds up the containers, in millicores and bytes', () => {
    expect(requests({ containers: [asking({ cpu: '1.5', memory: '1Gi' }), asking({ cpu: '250m' })] })).toEqual({
      cpu: 1750n,
      memory: 2n ** 30n,
    });
  });

  it('takes the greatest init container if that is more', () => {
    const initContainers = [asking({ cpu: '2' }), asking({ cpu: '1', memory: '1Ki' })];
    expect(requests({ containers: [asking({ cpu: '500m', memory: '2Ki' })], initContainers })).toEqual({ cpu: 2000n, memory: 2048n });
  });

  it('counts a sidecar with the containers, and with the init containers after it', () => {
    const sidecar = asking({ cpu: '1' }, { restartPolicy: 'Always' });
    expect(requests({ containers: [asking({ cpu: '1' })], initContainers: [sidecar] })).toEqual({ cpu: 2000n });
    expect(requests({ containers: [asking({ cpu: '1' })], initContainers: [sidecar, asking({ cpu: '3' })] })).toEqual({ cpu: 4000n });
    expect(requests({ containers: [asking({ cpu: '1' })], initContainers: [asking({ cpu: '3' }), sidecar] })).toEqual({ cpu: 3000n });
  });

  it('adds the overhead, and lets the pod as a whole overrule its containers', () => {
    const spec = { containers: [asking({ cpu: '1', memory: '1Ki' })], overhead: { cpu: '100m' }, resources: { requests: { cpu: '2' } } };
    expect(requests(spec)).toEqual({ cpu: 2100n, memory: 1024n });
  });

  it('counts what a container does not mention as the amount given for that', () => {
    const amounts = podRequests(podOf({ containers: [asking({}), asking({ cpu: '0' })] }), new Map([['cpu', 100n]]));
    expect(amounts.get('cpu')).toBe(100n);
  });
});

describe('allocatableOf', () => {
  it('is the capacity if the node does not say otherwise', () => {
    const node = { apiVersion: 'v1' as const, kind: 'Node' as const };
    expect(allocatableOf({ ...node, status: { capacity: { cpu: '4' } } }).get('cpu')).toBe(4000n);
    expect(allocatableOf({ ...node, status: { capacity: { cpu: '4' }, allocatable: { cpu: '3' } } }).get('cpu')).toBe(3000n);
    expect(allocatableOf(node).size).toBe(0);
  });
});
