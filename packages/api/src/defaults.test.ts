import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryObject } from '../testing/arbitrary-object.ts';
import { defaultPod } from './defaults.ts';
import type { Container, Pod, PodSpec } from './objects.ts';

const defaulted = (spec: Partial<PodSpec>): PodSpec | undefined =>
  defaultPod({ apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ name: 'a', image: 'busybox:1' }], ...spec } }).spec;
const defaultedContainer = (container: Partial<Container>) => defaulted({ containers: [{ name: 'a', ...container }] })?.containers[0];

describe('defaultPod', () => {
  it('fills in what the API server fills in', () => {
    expect(defaulted({})).toEqual({
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
      securityContext: {},
      containers: [
        {
          name: 'a',
          image: 'busybox:1',
          imagePullPolicy: 'IfNotPresent',
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          resources: {},
        },
      ],
    });
  });

  it.each([
    ['busybox', 'Always'],
    ['busybox:latest', 'Always'],
    ['localhost:5000/busybox', 'Always'],
    ['localhost:5000/busybox:1', 'IfNotPresent'],
    ['busybox:1', 'IfNotPresent'],
    [`busybox@sha256:${'0'.repeat(64)}`, 'IfNotPresent'],
    [`busybox:latest@sha256:${'0'.repeat(64)}`, 'IfNotPresent'],
  ])('pulls %s with the policy %s', (image, policy) => {
    expect(defaultedContainer({ image })?.imagePullPolicy).toBe(policy);
  });

  it('takes requests from limits, and leaves given requests', () => {
    const resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '100m' } };
    expect(defaultedContainer({ resources })?.resources?.requests).toEqual({ cpu: '100m', memory: '1Gi' });
  });

  it('resizes what a container asks for without a restart, unless told otherwise', () => {
    const container = {
      resources: { requests: { cpu: '1', memory: '1Gi' } },
      resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
    };
    const expected = [...container.resizePolicy, { resourceName: 'cpu', restartPolicy: 'NotRequired' }];
    expect(defaultedContainer(container)?.resizePolicy).toEqual(expected);
    const initContainers = [
      { name: 'i', ...container },
      { name: 's', ...container, restartPolicy: 'Always' },
    ];
    expect(defaulted({ initContainers })?.initContainers?.map(({ resizePolicy }) => resizePolicy?.length)).toEqual([1, 2]);
  });

  it('fills in probes and their HTTP requests', () => {
    expect(defaultedContainer({ livenessProbe: { httpGet: { port: 80 }, periodSeconds: 3 } })?.livenessProbe).toEqual({
      httpGet: { port: 80, path: '/', scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 3,
      successThreshold: 1,
      failureThreshold: 3,
    });
  });

  it('gives a port TCP, and with hostNetwork the host port of the same number', () => {
    const containers = [{ name: 'a', ports: [{ containerPort: 80 }] }];
    expect(defaulted({ containers })?.containers[0]?.ports).toEqual([{ containerPort: 80, protocol: 'TCP' }]);
    expect(defaulted({ containers, hostNetwork: true })?.containers[0]?.ports).toEqual([
      { containerPort: 80, hostPort: 80, protocol: 'TCP' },
    ]);
  });

  it('makes a volume without a source an emptyDir, and its files 0644', () => {
    const volumes = [
      { name: 'a' },
      { name: 'b', secret: { secretName: 's' } },
      { name: 'c', configMap: { name: 'c', defaultMode: 0o400 } },
      { name: 'd', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
    ];
    expect(defaulted({ volumes })?.volumes).toEqual([
      { name: 'a', emptyDir: {} },
      { name: 'b', secret: { secretName: 's', defaultMode: 0o644 } },
      { name: 'c', configMap: { name: 'c', defaultMode: 0o400 } },
      { name: 'd', projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3600 } }], defaultMode: 0o644 } },
    ]);
  });

  it('changes nothing the second time, and never its input', () => {
    fc.assert(
      fc.property(arbitraryObject('v1', 'Pod'), (object) => {
        const pod = object as unknown as Pod;
        const before = structuredClone(pod);
        const once = defaultPod(pod);
        expect(pod).toEqual(before);
        expect(defaultPod(once)).toEqual(once);
      }),
      { numRuns: 50 },
    );
  });
});
