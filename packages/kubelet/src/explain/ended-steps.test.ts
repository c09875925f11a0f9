import { describe, expect, it } from 'vitest';
import { type ExplainedCase as Case, explanation, words } from '../../testing/explanation.ts';
import { exited, failed, instance, now, startMain } from '../../testing/observed-pod.ts';
import type { ObservedPod } from '../plan/observed-pod.ts';

describe('a pod that ends is not on its way', () => {
  const gone: Partial<ObservedPod> = { directories: 'removed', sandboxes: [], images: {} };
  const eviction = { reason: 'Evicted', message: 'The node was low on resource: memory. ', gracePeriodSeconds: 1 };
  const longAgo = { phase: 'Pending', startTime: '2026-11-21T11:00:00Z' } as const;
  const withInit = { initContainers: [{ name: 'first', image: 'a:1' }], restartPolicy: 'Never' as const };
  const notStartedAgain = /change the manifest, or delete it: a pod that is over is not started again$/;

  it.each<[end: string, facts: Case, steps: string[], summary: string, why: string, cure: RegExp | undefined]>([
    [
      'evicted',
      { spec: { volumes: [{ name: 'p', emptyDir: {} }] }, observed: { ...gone, eviction, containers: [exited('main', 137)] } },
      ['volumes done', 'sandbox done', 'main ended failed', 'ended failed'],
      'has failed: Evicted: The node was low on resource: memory.',
      'Evicted: The node was low on resource: memory.',
      /^make room on the node, .*not started again$/,
    ],
    [
      'evicted, and not yet stopped',
      { observed: { eviction, containers: [instance('main')] } },
      ['volumes waiting', 'sandbox waiting', 'main running done', 'ended failed'],
      'has failed: Evicted: The node was low on resource: memory.',
      'Evicted: The node was low on resource: memory.',
      notStartedAgain,
    ],
    [
      'over its deadline',
      {
        spec: { activeDeadlineSeconds: 5 },
        observed: { ...gone, previous: longAgo, failures: failed(startMain, 'ErrImagePull') },
      },
      ['volumes done', 'sandbox done', 'main ended failed', 'ended failed'],
      'has failed: DeadlineExceeded: Pod was active on the node longer than the specified deadline',
      'DeadlineExceeded: Pod was active on the node longer than the specified deadline',
      /^raise activeDeadlineSeconds, .*not started again$/,
    ],
    [
      'whose init container failed',
      { spec: withInit, observed: { ...gone, containers: [exited('first', 3)] } },
      ['volumes done', 'sandbox done', 'first ended failed', 'main ended done', 'ended failed'],
      'has failed: container first, step ended: ended with exit code 3 (Error)',
      'its init container first failed, and is not started again',
      notStartedAgain,
    ],
    [
      'of which something cannot be given back',
      {
        observed: {
          eviction,
          sandboxes: [],
          containers: [exited('main', 137)],
          failures: { 'clean-up': { reason: 'FailedCleanUp', message: 'busy', at: now, delayMs: 10_000 } },
        },
      },
      ['volumes failed', 'sandbox done', 'main ended failed', 'ended failed'],
      'has failed: Evicted: The node was low on resource: memory.',
      'Evicted: The node was low on resource: memory.; what is left of it is not given back yet: busy',
      notStartedAgain,
    ],
    [
      'that succeeded',
      { spec: { restartPolicy: 'Never' }, observed: { ...gone, containers: [exited('main', 0)] } },
      ['volumes done', 'sandbox done', 'main ended done', 'ended done'],
      'has ended: all of its containers succeeded',
      'all of its containers succeeded',
      undefined,
    ],
  ])('%s', (_end, facts, steps, summary, why, cure) => {
    const explained = explanation(facts);
    expect(words(explained)).toEqual(['source done', 'admitted done', ...steps]);
    expect(explained.summary).toBe(summary);
    const last = explained.steps.at(-1);
    expect(last?.detail).toBe(why);
    if (cure) expect(last?.cure).toMatch(cure);
    else expect(last).not.toHaveProperty('cure');
  });

  it('of whose container nobody knows whether it runs', () => {
    const { steps } = explanation({ observed: { eviction, containers: [instance('main', { state: 'unknown' })] } });
    expect(steps.find(({ container: name }) => name === 'main')).toMatchObject({
      state: 'waiting',
      detail: 'the runtime does not know whether it runs; it is to be stopped, as the pod ends',
    });
  });

  it('deleted before it ran', () => {
    const { steps, summary } = explanation({
      observed: { directories: 'unknown', sandboxes: [], images: {}, deletion: { gracePeriodSeconds: 30 } },
    });
    expect(steps.map(({ state }) => state)).not.toContain('now');
    expect(summary).toMatch(/^is ending: /);
  });

  it('whose image never came says so of the container', () => {
    const facts = {
      spec: { activeDeadlineSeconds: 5 },
      observed: { ...gone, previous: longAgo, failures: failed(startMain, 'ErrImagePull') },
    };
    expect(explanation(facts).steps.find(({ container: name }) => name === 'main')).toMatchObject({
      detail: 'it was never started: ErrImagePull: why',
      cure: expect.stringContaining('berth image pull a:1'),
    });
  });
});
