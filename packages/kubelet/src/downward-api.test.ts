import type { Pod, ResourceFieldSelector } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { fieldValue, resourceFieldValue } from './downward-api.ts';

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u1',
    labels: { tier: 'front', app: 'web' },
    annotations: { 'a/b': 'one\n"two"\\', cluster: 'x\u0001\u00a0é' },
  },
  spec: {
    nodeName: 'n1',
    serviceAccountName: 'builder',
    containers: [
      { name: 'main', resources: { requests: { cpu: '125m', memory: '64Mi' }, limits: { cpu: '1500m', 'hugepages-2Mi': '4Mi' } } },
      { name: 'bare' },
    ],
  },
};
const surroundings = { hostIPs: ['192.0.2.1', '2001:db8::1'], podIPs: ['10.0.0.5', 'fd00::5'] };
const allocatable = new Map([
  ['cpu', 3900n],
  ['memory', 8n * 1024n ** 3n],
]);

describe('a fieldRef', () => {
  it.each([
    ['metadata.name', 'web'],
    ['metadata.namespace', 'shop'],
    ['metadata.uid', 'u1'],
    ["metadata.labels['app']", 'web'],
    ["metadata.labels['none']", ''],
    ["metadata.labels['constructor']", ''],
    ["metadata.annotations['a/b']", 'one\n"two"\\'],
    ['metadata.labels', 'app="web"\ntier="front"'],
    ['metadata.annotations', 'a/b="one\\n\\"two\\"\\\\"\ncluster="x\\x01\\u00a0é"'],
    ['spec.nodeName', 'n1'],
    ['spec.serviceAccountName', 'builder'],
    ['status.hostIP', '192.0.2.1'],
    ['status.hostIPs', '192.0.2.1,2001:db8::1'],
    ['status.podIP', '10.0.0.5'],
    ['status.podIPs', '10.0.0.5,fd00::5'],
  ])('%s', (path, value) => {
    expect(fieldValue(pod, path, surroundings)).toBe(value);
  });

  it('to an address that is not known is empty', () => {
    expect(fieldValue(pod, 'status.podIP', { hostIPs: [], podIPs: [] })).toBe('');
  });

  it('names the service account default, where the pod names none', () => {
    expect(fieldValue({ ...pod, spec: { containers: [] } }, 'spec.serviceAccountName', surroundings)).toBe('default');
  });

  it('to anything else is refused by its name', () => {
    expect(() => fieldValue(pod, 'spec.containers', surroundings)).toThrow('unsupported fieldPath: spec.containers');
  });
});

describe('a resourceFieldRef', () => {
  it.each<[string, ResourceFieldSelector, string]>([
    ['cpu is rounded up to whole cores', { resource: 'limits.cpu' }, '2'],
    ['cpu in millicores', { resource: 'limits.cpu', divisor: '1m' }, '1500'],
    ['a divisor of 0 is 1', { resource: 'requests.cpu', divisor: '0' }, '1'],
    ['memory in bytes', { resource: 'requests.memory' }, String(64 * 1024 * 1024)],
    ['memory in mebibytes', { resource: 'requests.memory', divisor: '1Mi' }, '64'],
    ['memory is rounded up', { resource: 'requests.memory', divisor: '1Gi' }, '1'],
    ['a limit that is missing is that of the node', { resource: 'limits.memory', divisor: '1Gi' }, '8'],
    ['a limit of a named container', { resource: 'limits.cpu', divisor: '1m', containerName: 'bare' }, '3900'],
    ['a request that is missing is nothing', { resource: 'requests.cpu', containerName: 'bare' }, '0'],
    ['a request without one is the limit', { resource: 'requests.hugepages-2Mi', divisor: '1Mi' }, '4'],
    ['huge pages', { resource: 'limits.hugepages-2Mi', divisor: '1Mi' }, '4'],
    ['huge pages that nobody asked for', { resource: 'limits.hugepages-1Gi' }, '0'],
    ['storage that the node does not count', { resource: 'limits.ephemeral-storage' }, '0'],
  ])('%s', (_what, selector, value) => {
    expect(resourceFieldValue(pod, selector, allocatable, pod.spec?.containers[0])).toBe(value);
  });

  it('a limit that is missing is that of the whole pod, if that is less than the node has', () => {
    const limited = { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], resources: { limits: { memory: '1Gi' } } } };
    expect(resourceFieldValue(limited, { resource: 'limits.memory', divisor: '1Mi', containerName: 'bare' }, allocatable)).toBe('1024');
  });

  it('of a container that is not there is refused', () => {
    expect(() => resourceFieldValue(pod, { resource: 'limits.cpu', containerName: 'x' }, allocatable)).toThrow('container x not found');
  });
});
