import type { Pod } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { exited, instance, makePod, now, observe, readySandbox } from '../../testing/observed-pod.ts';
import { plannedActions } from '../../testing/planned-actions.ts';
import { plan } from '../plan.ts';
import type { ObservedPod } from './observed-pod.ts';

const initContainers = [
  { name: 'before', image: 'a:1' },
  { name: 'proxy', image: 'a:1', restartPolicy: 'Always' },
  { name: 'after', image: 'a:1' },
];
const pod = makePod({ initContainers });
const up = (started: boolean, ready = started) => ({ 'proxy-0': { started, ready } });

describe('the order in which containers start', () => {
  it.each<[behaviour: string, observed: ObservedPod, expected: string[]]>([
    ['a sidecar waits for the init containers before it', observe({ containers: [instance('before')] }), []],
    ['a sidecar starts after them', observe({ containers: [exited('before', 0)] }), ['start proxy#0']],
    [
      'the next init container starts as soon as the sidecar runs',
      observe({ containers: [instance('proxy'), exited('before', 0)] }),
      ['start after#0'],
    ],
    [
      'a sidecar with a startup probe holds up the next one until that has succeeded',
      observe({ containers: [instance('proxy'), exited('before', 0)], probes: up(false) }),
      [],
    ],
    [
      'a sidecar that has started but is not ready holds up nothing',
      observe({ containers: [instance('proxy'), exited('before', 0)], probes: up(true, false) }),
      ['start after#0'],
    ],
    [
      'the containers start once all init containers have done their part',
      observe({ containers: [exited('after', 0), instance('proxy'), exited('before', 0)] }),
      ['start main#0'],
    ],
    [
      'a sidecar that ended is restarted while a later init container runs, whatever its exit code',
      observe({ containers: [instance('after'), exited('proxy', 0), exited('before', 0)] }),
      ['start proxy#1'],
    ],
    [
      'a sidecar that ended is restarted beside the running containers',
      observe({ containers: [instance('main'), exited('after', 0), exited('proxy', 1), exited('before', 0)] }),
      ['start proxy#1'],
    ],
    [
      'a sidecar restarts with back-off',
      observe({
        containers: [instance('main'), exited('proxy', 1)],
        restartDelays: { proxy: { delayMs: 60_000, setAt: now } },
      }),
      [],
    ],
    [
      'in a new sandbox all start over',
      observe({
        sandboxes: [{ ...readySandbox, id: 's1', attempt: 1 }],
        containers: [exited('main', 137), exited('after', 0), exited('proxy', 137), exited('before', 0)],
      }),
      ['start before#1'],
    ],
  ])('%s', (_behaviour, observed, expected) => {
    expect(plannedActions(pod, observed)).toEqual(expected);
  });
});

describe('a sidecar', () => {
  const restartPolicy = 'Never';
  const never = makePod({ initContainers, restartPolicy });

  it.each<[behaviour: string, pod: Pod, observed: ObservedPod, expected: string[]]>([
    [
      'is restarted in a pod that never restarts its containers',
      never,
      observe({ containers: [instance('main'), exited('proxy', 1)] }),
      ['start proxy#1'],
    ],
    [
      'does not keep a pod from its end, and is stopped then',
      never,
      observe({ containers: [exited('main', 0), instance('proxy')] }),
      ['stop proxy-0 in 30'],
    ],
    [
      'is not restarted once its pod has ended',
      never,
      observe({ containers: [exited('main', 0), exited('proxy', 1)] }),
      ['stop-sandbox s0'],
    ],
    [
      'that fails does not end a pod that never restarts',
      never,
      observe({ containers: [exited('proxy', 1), exited('before', 0)] }),
      ['start proxy#1'],
    ],
  ])('%s', (_behaviour, subject, observed, expected) => {
    expect(plannedActions(subject, observed)).toEqual(expected);
  });

  const conditionOf = (observed: ObservedPod, type: string) =>
    plan(pod, observed, now).status.conditions?.find((condition) => condition.type === type);

  it('that has not started keeps its pod from being initialized', () => {
    const observed = observe({ containers: [instance('proxy'), exited('before', 0)], probes: up(false) });
    expect(conditionOf(observed, 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [proxy after]',
    });
  });

  it('that is not ready keeps its pod from being ready', () => {
    const containers = [instance('main'), exited('after', 0), instance('proxy'), exited('before', 0)];
    const observed = observe({ containers, probes: up(true, false) });
    expect(conditionOf(observed, 'Ready')).toMatchObject({ status: 'False', message: 'containers with unready status: [proxy]' });
    expect(conditionOf(observed, 'Initialized')).toMatchObject({ status: 'True' });
    expect(plan(pod, observe({ containers }), now).status).toMatchObject({
      phase: 'Running',
      initContainerStatuses: [{ ready: true }, { name: 'proxy', ready: true, started: true, state: { running: {} } }, { ready: true }],
    });
  });

  it('keeps its pod Running until it has been stopped, and says nothing of how the pod ended', () => {
    const phase = (containers: ObservedPod['containers']) => plan(never, observe({ containers }), now).status.phase;
    expect(phase([exited('main', 0), exited('after', 0), instance('proxy'), exited('before', 0)])).toBe('Running');
    expect(phase([exited('main', 0), exited('after', 0), exited('proxy', 137), exited('before', 0)])).toBe('Succeeded');
  });
});

describe('an ephemeral container', () => {
  const debugged = makePod({ initContainers, ephemeralContainers: [{ name: 'debugger', image: 'a:1' }] });

  it.each<[behaviour: string, observed: ObservedPod, expected: string[]]>([
    ['starts while init containers run', observe({ containers: [instance('before')] }), ['start debugger#0']],
    ['starts before an init container that is due', observe(), ['start debugger#0', 'start before#0']],
    ['is not restarted', observe({ containers: [exited('debugger', 1), instance('before')] }), []],
    [
      'is not started again where the runtime has forgotten it',
      observe({
        containers: [instance('before')],
        previous: {
          ephemeralContainerStatuses: [
            { name: 'debugger', restartCount: 0, containerID: 'runc://1', image: '', imageID: '', ready: false },
          ],
        },
      }),
      [],
    ],
    [
      'is stopped with the others, before the sidecars',
      observe({ containers: [instance('debugger'), instance('main'), instance('proxy')], deletion: { gracePeriodSeconds: 5 } }),
      ['stop debugger-0 main-0, then proxy-0 in 5'],
    ],
  ])('%s', (_behaviour, observed, expected) => {
    expect(plannedActions(debugged, observed)).toEqual(expected);
  });

  it('that is to see the processes of another container waits until that runs', () => {
    const target = makePod({
      restartPolicy: 'OnFailure',
      ephemeralContainers: [{ name: 'debugger', image: 'a:1', targetContainerName: 'main' }],
    });
    const waiting = plan(target, observe({ restartDelays: {} }), now);
    expect(waiting.actions).toMatchObject([{ container: 'main' }]);
    expect(waiting.status.ephemeralContainerStatuses?.[0]?.state?.waiting).toMatchObject({
      message: 'unable to find target container main',
    });
    const due = plan(target, observe({ containers: [instance('main')] }), now);
    expect(due.actions).toMatchObject([{ kind: 'start-container', container: 'debugger', targetId: 'main-0' }]);
  });

  it('has a status of its own, and changes neither phase nor conditions', () => {
    const { status } = plan(
      makePod({ ephemeralContainers: [{ name: 'debugger', image: 'a:1' }] }),
      observe({ containers: [exited('debugger', 3), instance('main')] }),
      now,
    );
    expect(status).toMatchObject({
      phase: 'Running',
      ephemeralContainerStatuses: [{ name: 'debugger', ready: false, state: { terminated: { exitCode: 3 } } }],
    });
    expect(status.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
  });
});
