import type { Container, ResourceRequirements } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { failed, instance, makePod, now, observe } from '../../testing/observed-pod.ts';
import { plan } from '../plan.ts';
import type { ObservedPod } from './observed-pod.ts';

const amounts = (cpu: string, memory = '64Mi'): ResourceRequirements => ({ requests: { cpu, memory }, limits: { cpu, memory } });
const pod = (resources: ResourceRequirements, more: Partial<Container> = {}) =>
  makePod({ containers: [{ name: 'main', image: 'a:1', resources, ...more }] });
const running = (resources?: ResourceRequirements) => observe({ containers: [instance('main', resources && { resources })] });
const restartFor = (resourceName: string) => ({ resizePolicy: [{ resourceName, restartPolicy: 'RestartContainer' }] });
const resizing = (observed: ObservedPod, wanted: ResourceRequirements) =>
  plan(pod(wanted), observed, now)
    .status.conditions?.filter(({ type }) => type.startsWith('PodResize'))
    .map(({ type, reason }) => [type, reason]);

describe('a running container', () => {
  it.each<[behaviour: string, wanted: ReturnType<typeof pod>, observed: ObservedPod, expected: object[]]>([
    ['is left alone when it has what it asks for', pod(amounts('500m')), running(amounts('0.5')), []],
    ['is left alone where nobody knows what it has', pod(amounts('500m')), running(), []],
    [
      'is resized when it asks for something else',
      pod(amounts('200m')),
      running(amounts('100m')),
      [{ kind: 'resize-container', containerId: 'main-0', resources: amounts('200m') }],
    ],
    [
      'is resized when another resource than the changed one needs a restart',
      pod(amounts('200m'), restartFor('memory')),
      running(amounts('100m')),
      [{ kind: 'resize-container' }],
    ],
    [
      'is restarted when the changed resource needs that',
      pod(amounts('100m', '1Gi'), restartFor('memory')),
      running(amounts('100m')),
      [{ kind: 'stop-containers', containers: [{ restarts: true, message: 'Container main resize requires restart, will be restarted' }] }],
    ],
    [
      'is not resized again right after that failed',
      pod(amounts('200m')),
      { ...running(amounts('100m')), failures: failed({ kind: 'resize-container', containerId: 'main-0' }, 'ResizeError') },
      [],
    ],
  ])('%s', (_behaviour, wanted, observed, expected) => {
    expect(plan(wanted, observed, now).actions).toMatchObject(expected);
  });

  it('that failed to be resized is tried again', () => {
    const failures = failed({ kind: 'resize-container', containerId: 'main-0' }, 'ResizeError');
    expect(plan(pod(amounts('200m')), { ...running(amounts('100m')), failures }, now).wakeAt).toBeDefined();
  });

  it('tells what it may use by now, and what it has been given', () => {
    expect(plan(pod(amounts('200m')), running(amounts('100m')), now).status.containerStatuses).toMatchObject([
      { resources: amounts('100m'), allocatedResources: { cpu: '200m' } },
    ]);
  });
});

describe('the conditions of a pod', () => {
  it.each<[behaviour: string, observed: ObservedPod, expected: unknown[]]>([
    ['say nothing of a resize where there is none', running(amounts('200m')), []],
    ['say that a resize is under way', running(amounts('100m')), [['PodResizeInProgress', undefined]]],
    [
      'say that it fails',
      { ...running(amounts('100m')), failures: failed({ kind: 'resize-container', containerId: 'main-0' }, 'ResizeError') },
      [['PodResizeInProgress', 'Error']],
    ],
    [
      'say that it waits for the node',
      { ...running(amounts('200m')), pendingResize: { reason: 'Deferred', message: 'why' } },
      [['PodResizePending', 'Deferred']],
    ],
  ])('%s', (_behaviour, observed, expected) => {
    expect(resizing(observed, amounts('200m'))).toEqual(expected);
  });
});
