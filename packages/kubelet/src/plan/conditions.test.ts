import type { PodCondition, PodStatus } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { exited, initContainers, instance, makePod, now, observe, seconds, twoContainers } from '../../testing/observed-pod.ts';
import { plan } from '../plan.ts';
import type { ProbeVerdict } from './observed-pod.ts';

describe('conditions', () => {
  const condition = (status: PodStatus, type: string) => status.conditions?.find((candidate) => candidate.type === type);

  it('of a ready pod are all True', () => {
    const { status } = plan(makePod(), observe({ containers: [instance('main')] }), now);
    expect(status.conditions?.map(({ type, status: value }) => `${type}=${value}`)).toEqual([
      'PodReadyToStartContainers=True',
      'Initialized=True',
      'Ready=True',
      'ContainersReady=True',
      'PodScheduled=True',
    ]);
  });

  it('name the containers that are not ready', () => {
    const { status } = plan(makePod({ containers: twoContainers }), observe({ containers: [instance('main')] }), now);
    expect(condition(status, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [side]',
    });
  });

  it('name the init containers that have not succeeded', () => {
    const { status } = plan(makePod({ initContainers }), observe({ containers: [exited('first', 0)] }), now);
    expect(condition(status, 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [second]',
    });
  });

  it('say that a pod was evicted for its resources, and go on saying it', () => {
    const eviction = { reason: 'Evicted', message: 'why', gracePeriodSeconds: 1, disruption: 'memory was low' };
    const { status } = plan(makePod(), observe({ eviction }), now);
    expect(status).toMatchObject({ phase: 'Failed', reason: 'Evicted', message: 'why' });
    const after = plan(makePod(), observe({ previous: status }), now);
    const target = { status: 'True', reason: 'TerminationByKubelet', message: 'memory was low' };
    expect([condition(status, 'DisruptionTarget'), condition(after.status, 'DisruptionTarget')]).toMatchObject([target, target]);
  });

  it('of a pod that succeeded say PodCompleted', () => {
    const { status } = plan(makePod({ restartPolicy: 'Never' }), observe({ containers: [exited('main', 0)] }), now);
    expect([condition(status, 'Ready')?.reason, condition(status, 'ContainersReady')?.reason]).toEqual(['PodCompleted', 'PodCompleted']);
  });

  it('keep their time as long as they stay the same', () => {
    const observed = observe({ containers: [instance('main')] });
    const first = plan(makePod(), observed, now).status;
    const later = plan(makePod(), { ...observed, previous: first }, seconds(60)).status;
    expect(condition(later, 'Ready')?.lastTransitionTime).toBe(condition(first, 'Ready')?.lastTransitionTime);
  });

  it.each<[behaviour: string, verdict: ProbeVerdict, ready: string, started: boolean]>([
    ['is not ready before its startup probe succeeds', { started: false, ready: false }, 'False', false],
    ['is started but not ready while its readiness probe fails', { started: true, ready: false }, 'False', true],
    ['is ready when its probes succeed', { started: true, ready: true }, 'True', true],
  ])('a container %s', (_behaviour, verdict, ready, started) => {
    const { status } = plan(makePod(), observe({ containers: [instance('main')], probes: { 'main-0': verdict } }), now);
    expect([condition(status, 'Ready')?.status, condition(status, 'ContainersReady')?.status]).toEqual([ready, ready]);
    expect(status.containerStatuses?.[0]).toMatchObject({ started, ready: ready === 'True' });
  });

  it('count what a sidecar says: Initialized once it is started, Ready once it is ready', () => {
    const sidecar = { name: 'proxy', image: 'a:1', restartPolicy: 'Always' };
    const pod = makePod({ initContainers: [sidecar] });
    const at = (verdict: ProbeVerdict) => {
      const { status } = plan(pod, observe({ containers: [instance('proxy')], probes: { 'proxy-0': verdict } }), now);
      return [condition(status, 'Initialized')?.status, condition(status, 'Ready')?.message];
    };
    expect(at({ started: false, ready: false })).toEqual(['False', 'containers with unready status: [proxy main]']);
    expect(at({ started: true, ready: false })).toEqual(['True', 'containers with unready status: [proxy main]']);
    expect(at({ started: true, ready: true })).toEqual(['True', 'containers with unready status: [main]']);
  });

  it.each<[behaviour: string, given: PodCondition[], ready: object]>([
    [
      'stays closed as long as nobody has set it',
      [],
      { reason: 'ReadinessGatesNotReady', message: 'corresponding condition of pod readiness gate "example.org/lb" does not exist.' },
    ],
    [
      'stays closed while it is not True',
      [{ type: 'example.org/lb', status: 'Unknown' }],
      { reason: 'ReadinessGatesNotReady', message: 'the status of pod readiness gate "example.org/lb" is not "True", but Unknown' },
    ],
    ['opens when it is True', [{ type: 'example.org/lb', status: 'True' }], { status: 'True' }],
  ])('a readiness gate %s', (_behaviour, given, ready) => {
    const pod = { ...makePod({ readinessGates: [{ conditionType: 'example.org/lb' }] }), status: { conditions: given } };
    const { status } = plan(pod, observe({ containers: [instance('main')] }), now);
    expect(condition(status, 'Ready')).toMatchObject(ready);
    expect(condition(status, 'ContainersReady')?.status).toBe('True');
    expect(status.conditions?.filter(({ type }) => type === 'example.org/lb')).toEqual(given);
  });

  it('say which generation of the pod they are about', () => {
    const pod = makePod();
    pod.metadata = { ...pod.metadata, generation: 4 };
    const { status } = plan(pod, observe(), now);
    expect([status.observedGeneration, condition(status, 'Ready')?.observedGeneration]).toEqual([4, 4]);
  });
});
