import type { Container, Pod } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { exited, instance, makePod, now, observe } from '../../testing/observed-pod.ts';
import { plan } from '../plan.ts';
import { definitionHash } from './definition-hash.ts';
import type { ObservedPod } from './observed-pod.ts';

const probe = { tcpSocket: { port: 80 } };
const failedBy = (failed: 'startup' | 'liveness') => ({
  'main-0': { started: false, ready: false, failed: { probe: failed, message: 'connection refused' } },
});
const running = observe({ containers: [instance('main')] });

function main(container: Partial<Container>, spec: Parameters<typeof makePod>[0] = {}): Pod {
  return makePod({ ...spec, containers: [{ name: 'main', image: 'a:1', ...container }] });
}

describe('a running container is stopped', () => {
  it.each<[when: string, pod: Pod, observed: ObservedPod, message: string, graceSeconds: number]>([
    [
      'when its liveness probe has failed',
      main({ livenessProbe: probe }),
      { ...running, probes: failedBy('liveness') },
      'Container main failed liveness probe, will be restarted',
      30,
    ],
    [
      'when its startup probe has failed',
      main({ startupProbe: probe }, { terminationGracePeriodSeconds: 5 }),
      { ...running, probes: failedBy('startup') },
      'Container main failed startup probe, will be restarted',
      5,
    ],
    [
      "within the probe's own grace period before the pod's",
      main({ livenessProbe: { ...probe, terminationGracePeriodSeconds: 3 } }),
      { ...running, probes: failedBy('liveness') },
      'Container main failed liveness probe, will be restarted',
      3,
    ],
    [
      'for good by a policy that never restarts',
      main({ livenessProbe: probe }, { restartPolicy: 'Never' }),
      { ...running, probes: failedBy('liveness') },
      'Container main failed liveness probe',
      30,
    ],
    [
      'when its image has changed, whatever the policy',
      main({ image: 'a:2' }, { restartPolicy: 'Never' }),
      observe({ containers: [instance('main', { definition: definitionHash({ name: 'main', image: 'a:1' }) })] }),
      'Container main definition changed, will be restarted',
      30,
    ],
    [
      'when the runtime does not know whether it runs',
      main({}),
      observe({ containers: [instance('main', { state: 'unknown' })] }),
      'Container "main" is in unknown state, try killing it before restart',
      30,
    ],
  ])('%s', (_when, pod, observed, message, gracePeriodSeconds) => {
    expect(plan(pod, observed, now).actions).toMatchObject([
      { kind: 'stop-containers', gracePeriodSeconds, containers: [{ id: 'main-0', message }] },
    ]);
  });

  it('not when what it was made of is the same, or not known', () => {
    const definition = definitionHash({ name: 'main', image: 'a:1' });
    for (const known of [definition, undefined]) {
      expect(plan(main({}), observe({ containers: [instance('main', { definition: known })] }), now).actions).toEqual([]);
    }
  });
});

describe('a container that the node stopped to start it again', () => {
  const stopped = observe({ containers: [exited('main', 0)], owedRestarts: { 'main-0': true } });

  it.each(['Always', 'OnFailure', 'Never'] as const)('is started under restartPolicy %s, whatever its exit code', (restartPolicy) => {
    const { actions, status } = plan(main({}, { restartPolicy }), stopped, now);
    expect(actions).toMatchObject([{ kind: 'start-container', attempt: 1 }]);
    expect(status.phase).toBe('Running');
  });

  it('waits in back-off if it failed its probe', () => {
    const { status } = plan(main({}), { ...stopped, restartDelays: { main: { delayMs: 60_000, setAt: now } } }, now);
    expect(status.containerStatuses?.[0]?.state?.waiting?.reason).toBe('CrashLoopBackOff');
  });

  it('starts at once if its image has changed', () => {
    const definition = definitionHash({ name: 'main', image: 'a:1' });
    const observed = { ...stopped, containers: [exited('main', 0, { definition })], images: {} };
    const delayed = { ...observed, restartDelays: { main: { delayMs: 60_000, setAt: now } } };
    expect(plan(main({ image: 'a:2' }), delayed, now).actions).toMatchObject([{ kind: 'check-image', image: 'a:2' }]);
  });
});

describe('a container with probes', () => {
  it.each([
    [
      'is neither started nor ready before its startup probe has succeeded',
      { started: false, ready: true },
      { started: false, ready: false },
    ],
    ['is started but not ready before its readiness probe has', { started: true, ready: false }, { started: true, ready: false }],
    ['is both after that', { started: true, ready: true }, { started: true, ready: true }],
  ])('%s', (_behaviour, verdict, expected) => {
    const { status } = plan(main({ readinessProbe: probe }), { ...running, probes: { 'main-0': verdict } }, now);
    expect(status.containerStatuses).toMatchObject([expected]);
  });
});
