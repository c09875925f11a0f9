import { describe, expect, it } from 'vitest';
import { failed, instance, makePod, now, observe, seconds } from '../../testing/observed-pod.ts';
import { plan } from '../plan.ts';
import { defaultBackOff, failureAfter } from './back-off.ts';
import type { Failure } from './observed-pod.ts';

const pod = makePod();
const running = { containers: [instance('main')] };
const refresh = { kind: 'refresh-volumes' } as const;

describe('volumes that show what may change', () => {
  it('are brought up to date while the pod runs', () => {
    expect(plan(pod, observe({ ...running, volumesStale: true }), now).actions).toEqual([refresh]);
    expect(plan(pod, observe(running), now).actions).toEqual([]);
  });

  it('are made first, and only then brought up to date', () => {
    expect(plan(pod, observe({ volumesStale: true, directories: 'unknown' }), now).actions).toEqual([{ kind: 'prepare' }]);
  });

  it('that cannot be brought up to date hold nothing else up, and are tried again when it is time', () => {
    const observed = observe({ volumesStale: true, failures: failed(refresh, 'FailedMount') });
    const { actions, wakeAt } = plan(pod, observed, now);
    expect(actions.map(({ kind }) => kind)).toEqual(['start-container']);
    expect(wakeAt).toEqual(seconds(10));
    expect(plan(pod, { ...observed, ...running }, seconds(11)).actions).toEqual([refresh]);
  });

  it('of a pod that ends are left alone', () => {
    const observed = observe({ ...running, volumesStale: true, deletion: { gracePeriodSeconds: 1 } });
    expect(plan(pod, observed, now).actions.map(({ kind }) => kind)).toEqual(['stop-containers']);
  });
});

describe('a volume that cannot be made', () => {
  it('is tried again after half a second, then after twice as long each time, up to 2 minutes and 2 s', () => {
    const delays: number[] = [];
    let last: Failure | undefined;
    for (let tries = 0; tries < 10; tries++) {
      last = failureAfter(last, { reason: 'FailedMount', message: 'why', transient: false }, now, defaultBackOff);
      delays.push(last.delayMs);
    }
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 122_000, 122_000]);
  });

  it('keeps the pod Pending, which tells why in a message, and leaves the reason to the containers', () => {
    const observed = observe({ sandboxes: [], directories: 'unknown', failures: failed({ kind: 'prepare' }, 'FailedMount') });
    const { status, ...planned } = plan(pod, observed, now);
    expect(planned).toEqual({ actions: [], wakeAt: seconds(10), trouble: { reason: 'FailedMount', message: 'why' } });
    const containerStatuses = [{ state: { waiting: { reason: 'ContainerCreating' } } }];
    expect(status).toMatchObject({ phase: 'Pending', message: 'FailedMount: why', containerStatuses });
    expect(status).not.toHaveProperty('reason');
  });
});
