import type { PodStatus } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { exited, initContainers, instance, makePod, now, observe, seconds, twoContainers } from '../../testing/observed-pod.ts';
import { plan } from '../plan.ts';

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
});
