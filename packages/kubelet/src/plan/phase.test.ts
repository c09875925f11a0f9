import type { Pod } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { exited, initContainers, instance, makePod, now, observe, seconds, twoContainers } from '../../testing/observed-pod.ts';
import { plan } from '../plan.ts';
import type { ObservedPod } from './observed-pod.ts';

describe('the phase', () => {
  const never = makePod({ restartPolicy: 'Never', containers: twoContainers });

  it.each<[behaviour: string, pod: Pod, observed: ObservedPod, phase: string]>([
    ['Pending before any container has started', makePod(), observe({ sandboxes: [] }), 'Pending'],
    ['Pending while init containers run', makePod({ initContainers }), observe({ containers: [instance('first')] }), 'Pending'],
    [
      'Pending until every container has started',
      makePod({ containers: twoContainers }),
      observe({ containers: [instance('main')] }),
      'Pending',
    ],
    ['Running once all have', makePod(), observe({ containers: [instance('main')] }), 'Running'],
    [
      'Running while a container waits for its restart',
      makePod(),
      observe({ containers: [exited('main', 1)], restartDelays: { main: { delayMs: 60_000, setAt: seconds(-9) } } }),
      'Running',
    ],
    ['Running as long as one container runs', never, observe({ containers: [instance('main'), exited('side', 1)] }), 'Running'],
    ['Succeeded when all have ended with 0', never, observe({ containers: [exited('main', 0), exited('side', 0)] }), 'Succeeded'],
    ['Failed when one has not', never, observe({ containers: [exited('main', 0), exited('side', 2)] }), 'Failed'],
    [
      'Failed when an init container failed for good',
      makePod({ restartPolicy: 'Never', initContainers }),
      observe({ containers: [exited('first', 2)] }),
      'Failed',
    ],
    [
      'Failed past the deadline',
      makePod({ activeDeadlineSeconds: 1 }),
      observe({ previous: { startTime: seconds(-2).toISOString() } }),
      'Failed',
    ],
    ['Failed for a refused pod', makePod(), observe({ refusal: { reason: 'Unsupported', message: 'why' } }), 'Failed'],
  ])('is %s', (_behaviour, pod, observed, phase) => {
    expect(plan(pod, observed, now).status.phase).toBe(phase);
  });
});
