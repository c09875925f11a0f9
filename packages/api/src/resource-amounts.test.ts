import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from './objects.ts';
import { allocatableOf, limitsAll, podLimits, podRequests } from './resource-amounts.ts';

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

describe('podLimits', () => {
  const limited = (limits: Record<string, string>, more: Partial<Container> = {}): Container => ({
    name: 'c',
    image: 'a:1',
    resources: { limits },
    ...more,
  });
  const limits = (spec: Partial<PodSpec>) => Object.fromEntries(podLimits(podOf(spec)));

  it('adds up limits as requests are added up, with the overhead of what is limited', () => {
    const sidecar = limited({ cpu: '1' }, { restartPolicy: 'Always' });
    const spec = { containers: [limited({ cpu: '1' }), limited({})], initContainers: [sidecar, limited({ cpu: '3' })] };
    expect(limits({ ...spec, overhead: { cpu: '100m', memory: '1Ki' } })).toEqual({ cpu: 4100n });
    expect(limits({ ...spec, resources: { limits: { cpu: '2' } } })).toEqual({ cpu: 2000n });
  });

  it.each<[what: string, spec: Partial<PodSpec>, bound: boolean]>([
    ['every container has a limit', { containers: [limited({ cpu: '1' }), limited({ cpu: '2' })] }, true],
    ['one container has none', { containers: [limited({ cpu: '1' }), limited({})] }, false],
    ['one has a limit of zero', { containers: [limited({ cpu: '0' })] }, false],
    ['an init container has none', { containers: [limited({ cpu: '1' })], initContainers: [limited({})] }, false],
    ['the pod as a whole has one', { containers: [limited({})], resources: { limits: { cpu: '1' } } }, true],
  ])('bound the pod or not, where %s', (_what, spec, bound) => {
    expect(limitsAll(podOf(spec), 'cpu')).toBe(bound);
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
