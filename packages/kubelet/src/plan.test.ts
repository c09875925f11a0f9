import type { Pod, PodStatus } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { deadSandbox, exited, instance, makePod, now, observe, readySandbox, seconds } from '../testing/observed-pod.ts';
import { type Fallible, failureKey } from './plan/failure-key.ts';
import type { ObservedPod } from './plan/observed-pod.ts';
import { plan } from './plan.ts';

const init = [
  { name: 'first', image: 'a:1' },
  { name: 'second', image: 'a:1' },
];
const two = [
  { name: 'main', image: 'a:1' },
  { name: 'side', image: 'a:1' },
];

/** The planned actions as text: `start-container main#1`. */
function actions(pod: Pod, observed: ObservedPod): string[] {
  return plan(pod, observed, now).actions.map((action) => {
    if (action.kind === 'start-container') return `${action.pull ? 'pull and ' : ''}start ${action.container}#${action.attempt}`;
    if (action.kind === 'stop-containers') return `stop ${action.containers.map(({ id }) => id).join(' ')} in ${action.gracePeriodSeconds}`;
    if (action.kind === 'remove-container') return `remove ${action.containerId}`;
    if (action.kind === 'run-sandbox') return `run-sandbox#${action.attempt}`;
    if (action.kind === 'check-image') return `check-image ${action.image}`;
    return 'sandboxId' in action ? `${action.kind} ${action.sandboxId}` : action.kind;
  });
}

/** What is remembered of a try that failed, and is due again 10 s later. */
function failed(fallible: Fallible, reason: string, at = now): ObservedPod['failures'] {
  return { [failureKey(fallible)]: { reason, message: 'why', at, delayMs: 10_000 } };
}

const startMain: Fallible = { kind: 'start-container', container: 'main' };

describe('what is done for a pod', () => {
  const always = makePod();
  const onFailure = makePod({ restartPolicy: 'OnFailure' });
  const never = makePod({ restartPolicy: 'Never' });

  it.each<[behaviour: string, pod: Pod, observed: ObservedPod, expected: string[]]>([
    ['directories come first', always, observe({ directories: 'unknown', sandboxes: [] }), ['prepare']],
    ['the sandbox comes before the containers', always, observe({ sandboxes: [], images: {} }), ['run-sandbox#0', 'check-image a:1']],
    [
      'a failed sandbox waits before the next try',
      always,
      observe({ sandboxes: [], failures: failed({ kind: 'run-sandbox' }, 'FailedCreatePodSandBox') }),
      [],
    ],
    [
      'a failed sandbox is tried again when it is due',
      always,
      observe({ sandboxes: [], failures: failed({ kind: 'run-sandbox' }, 'FailedCreatePodSandBox', new Date(now.getTime() - 60_000)) }),
      ['run-sandbox#0'],
    ],
    ['a dead sandbox is stopped and replaced', always, observe({ sandboxes: [deadSandbox] }), ['stop-sandbox s0', 'run-sandbox#1']],
    [
      'a replaced sandbox is removed',
      always,
      observe({ sandboxes: [{ ...readySandbox, id: 's1', attempt: 1 }, deadSandbox], containers: [instance('main', { sandboxId: 's1' })] }),
      ['remove-sandbox s0'],
    ],
    [
      'of two ready sandboxes the older one is stopped',
      always,
      observe({
        sandboxes: [{ ...readySandbox, id: 's1', attempt: 1 }, readySandbox],
        containers: [instance('main', { sandboxId: 's1' })],
      }),
      ['stop-sandbox s0', 'remove-sandbox s0'],
    ],

    ['containers start in the order of the manifest', makePod({ containers: two }), observe(), ['start main#0', 'start side#0']],
    ['a running container is left alone', always, observe({ containers: [instance('main')] }), []],
    ['init containers run one after the other', makePod({ initContainers: init }), observe(), ['start first#0']],
    [
      'the next init container waits for the one before',
      makePod({ initContainers: init }),
      observe({ containers: [instance('first')] }),
      [],
    ],
    [
      'an init container that succeeded makes way for the next',
      makePod({ initContainers: init }),
      observe({ containers: [exited('first', 0)] }),
      ['start second#0'],
    ],
    [
      'containers start when all init containers have succeeded',
      makePod({ initContainers: init }),
      observe({ containers: [exited('second', 0), exited('first', 0)] }),
      ['start main#0'],
    ],
    [
      'an init container that failed is started again',
      makePod({ initContainers: init }),
      observe({ containers: [exited('first', 1)] }),
      ['start first#1'],
    ],
    [
      'a failed init container ends a pod that never restarts',
      makePod({ initContainers: init, restartPolicy: 'Never' }),
      observe({ containers: [exited('first', 1)] }),
      ['stop-sandbox s0'],
    ],
    [
      'init containers run again in a new sandbox',
      makePod({ initContainers: init }),
      observe({ sandboxes: [{ ...readySandbox, id: 's1', attempt: 1 }], containers: [exited('main', 137), exited('first', 0)] }),
      ['start first#1'],
    ],
    [
      'init containers do not run again once a container has started',
      makePod({ initContainers: init }),
      observe({ containers: [instance('main')] }),
      [],
    ],

    ['Always restarts a container that succeeded', always, observe({ containers: [exited('main', 0)] }), ['start main#1']],
    ['Always restarts a container that failed', always, observe({ containers: [exited('main', 1)] }), ['start main#1']],
    ['OnFailure restarts a container that failed', onFailure, observe({ containers: [exited('main', 1)] }), ['start main#1']],
    ['OnFailure leaves a container that succeeded', onFailure, observe({ containers: [exited('main', 0)] }), ['stop-sandbox s0']],
    ['Never leaves a container that failed', never, observe({ containers: [exited('main', 1)] }), ['stop-sandbox s0']],
    [
      'a container that ended waits for the others of its pod',
      makePod({ containers: two, restartPolicy: 'Never' }),
      observe({ containers: [exited('main', 0), instance('side')] }),
      [],
    ],
    [
      'a pod that never restarts gets no second sandbox once its containers have ended',
      never,
      observe({ sandboxes: [deadSandbox], containers: [exited('main', 0)] }),
      ['clean-up'],
    ],
    [
      'the crash back-off holds up a restart',
      always,
      observe({ containers: [exited('main', 1)], restartDelays: { main: { delayMs: 10_000, setAt: seconds(-20) } } }),
      [],
    ],
    [
      'a restart is due when the back-off is over',
      always,
      observe({ containers: [exited('main', 1)], restartDelays: { main: { delayMs: 4000, setAt: seconds(-20) } } }),
      ['start main#1'],
    ],
    [
      'a container that the runtime forgot while it ran is restarted',
      always,
      observe({ previous: told('main', { running: {} }) }),
      ['start main#1'],
    ],
    [
      'a container in an unknown state is stopped first',
      always,
      observe({ containers: [instance('main', { state: 'unknown' })] }),
      ['stop main-0 in 30'],
    ],
    [
      'the last dead instance is kept, older ones are removed',
      always,
      observe({ containers: [instance('main', { attempt: 2 }), exited('main', 1, { attempt: 1 }), exited('main', 1)] }),
      ['remove main-0'],
    ],

    ['IfNotPresent looks for the image', always, observe({ images: {} }), ['check-image a:1']],
    [
      'IfNotPresent pulls an image that is absent',
      always,
      observe({ images: { 'a:1': { present: false, checkedAt: now } } }),
      ['pull and start main#0'],
    ],
    [
      'one pull is enough for two containers of one image',
      makePod({ containers: two }),
      observe({ images: { 'a:1': { present: false, checkedAt: now } } }),
      ['pull and start main#0'],
    ],
    ['IfNotPresent takes an image that is present', always, observe(), ['start main#0']],
    [
      'Always pulls an image that is present',
      makePod({ containers: [{ name: 'main', image: 'a:1', imagePullPolicy: 'Always' }] }),
      observe(),
      ['pull and start main#0'],
    ],
    [
      'Never takes an image that is present',
      makePod({ containers: [{ name: 'main', image: 'a:1', imagePullPolicy: 'Never' }] }),
      observe(),
      ['start main#0'],
    ],
    [
      'Never pulls nothing',
      makePod({ containers: [{ name: 'main', image: 'a:1', imagePullPolicy: 'Never' }] }),
      observe({ images: { 'a:1': { present: false, checkedAt: now } } }),
      [],
    ],
    ['a failed pull waits before the next try', always, observe({ failures: failed(startMain, 'ErrImagePull') }), []],
    [
      'one container that cannot start does not hold up the others',
      makePod({ containers: two }),
      observe({ failures: failed(startMain, 'CreateContainerError') }),
      ['start side#0'],
    ],

    [
      'a pod past its deadline is stopped',
      makePod({ activeDeadlineSeconds: 60 }),
      observe({ containers: [instance('main')], previous: { startTime: seconds(-61).toISOString() } }),
      ['stop main-0 in 30'],
    ],
    ['a pod that has ended stays ended', always, observe({ previous: { phase: 'Failed' }, directories: 'removed', sandboxes: [] }), []],
    [
      'a refused pod gets nothing',
      always,
      observe({ refusal: { reason: 'Unsupported', message: 'why' }, directories: 'removed', sandboxes: [] }),
      [],
    ],
    [
      'nothing is done on old knowledge',
      always,
      observe({ sandboxes: [], failures: failed({ kind: 'observe' }, 'RuntimeUnavailable') }),
      [],
    ],
  ])('%s', (_behaviour, pod, observed, expected) => {
    expect(actions(pod, observed)).toEqual(expected);
  });
});

describe('the end of a pod', () => {
  const ending = (more: Partial<ObservedPod>) => observe({ deletion: { gracePeriodSeconds: 7 }, ...more });

  it.each<[behaviour: string, observed: ObservedPod, expected: string[]]>([
    ['all containers are stopped at once', ending({ containers: [instance('main'), instance('side')] }), ['stop main-0 side-0 in 7']],
    ['the sandbox is stopped after the containers', ending({ containers: [exited('main', 0)] }), ['stop-sandbox s0']],
    [
      'volumes and cgroup go after the sandbox has stopped',
      ending({ sandboxes: [deadSandbox], containers: [exited('main', 0)] }),
      ['clean-up'],
    ],
    [
      'dead containers are removed',
      ending({ sandboxes: [deadSandbox], containers: [exited('main', 0)], directories: 'removed' }),
      ['remove main-0'],
    ],
    ['the sandbox is removed last', ending({ sandboxes: [deadSandbox], directories: 'removed' }), ['remove-sandbox s0']],
    [
      'a stop that failed waits before the next try',
      ending({ containers: [instance('main')], failures: failed({ kind: 'stop-containers' }, 'FailedKillPod') }),
      [],
    ],
  ])('%s', (_behaviour, observed, expected) => {
    expect(actions(makePod({ containers: two }), observed)).toEqual(expected);
  });

  it('is finished when nothing is left', () => {
    expect(plan(makePod(), ending({ sandboxes: [], directories: 'removed' }), now)).toMatchObject({ actions: [], finished: true });
  });

  it.each([
    ['Succeeded where every container ended with 0', 0, 'Succeeded'],
    ['Failed where one ended with another code', 1, 'Failed'],
  ])('leaves the phase %s', (_when, exitCode, phase) => {
    const observed = ending({ sandboxes: [], directories: 'removed', previous: told('main', { terminated: { exitCode } }) });
    expect(plan(makePod(), observed, now).status.phase).toBe(phase);
  });
});

describe('the phase', () => {
  const never = makePod({ restartPolicy: 'Never', containers: two });

  it.each<[behaviour: string, pod: Pod, observed: ObservedPod, phase: string]>([
    ['Pending before any container has started', makePod(), observe({ sandboxes: [] }), 'Pending'],
    ['Pending while init containers run', makePod({ initContainers: init }), observe({ containers: [instance('first')] }), 'Pending'],
    ['Pending until every container has started', makePod({ containers: two }), observe({ containers: [instance('main')] }), 'Pending'],
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
      makePod({ restartPolicy: 'Never', initContainers: init }),
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

describe("a container's state", () => {
  it.each<[behaviour: string, observed: Partial<ObservedPod>, state: object]>([
    ['waits for creation', {}, { waiting: { reason: 'ContainerCreating' } }],
    [
      'shows the error of a failed pull',
      { failures: failed(startMain, 'ErrImagePull') },
      { waiting: { reason: 'ErrImagePull', message: 'why' } },
    ],
    [
      'then shows that the pull waits',
      { failures: failed(startMain, 'ErrImagePull', seconds(-2)) },
      { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "a:1": ErrImagePull: why' } },
    ],
    [
      'shows why it could not be created',
      { failures: failed(startMain, 'CreateContainerError', seconds(-2)) },
      { waiting: { reason: 'CreateContainerError', message: 'why' } },
    ],
    ['runs since its start', { containers: [instance('main')] }, { running: { startedAt: '2026-11-21T11:45:00Z' } }],
    [
      'waits after a crash',
      { containers: [exited('main', 1)], restartDelays: { main: { delayMs: 80_000, setAt: seconds(-9) } } },
      { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 1m20s restarting failed container=main' } },
    ],
  ])('%s', (_behaviour, observed, state) => {
    expect(plan(makePod(), observe(observed), now).status.containerStatuses?.[0]?.state).toEqual(state);
  });

  it('says ErrImageNeverPull where the image is absent and may not be pulled', () => {
    const pod = makePod({ containers: [{ name: 'main', image: 'a:1', imagePullPolicy: 'Never' }] });
    const { status, wakeAt } = plan(pod, observe({ images: { 'a:1': { present: false, checkedAt: now } } }), now);
    expect(status.containerStatuses?.[0]?.state?.waiting?.reason).toBe('ErrImageNeverPull');
    expect(wakeAt).toEqual(seconds(10));
  });

  it('says PodInitializing while init containers run', () => {
    const { status } = plan(makePod({ initContainers: init }), observe({ containers: [instance('first')] }), now);
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
  });

  it.each([
    [0, '', 'Completed'],
    [1, '', 'Error'],
    [137, 'OOMKilled', 'OOMKilled'],
  ])('says why it ended with %i: %s%s', (exitCode, told, reason) => {
    const { status } = plan(
      makePod({ restartPolicy: 'Never' }),
      observe({ containers: [exited('main', exitCode, { reason: told })] }),
      now,
    );
    expect(status.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode,
      reason,
      containerID: 'runc://main-0',
      finishedAt: '2026-11-21T11:59:55Z',
    });
  });

  it('keeps the end before as lastState, and the count of restarts', () => {
    const { status } = plan(makePod(), observe({ containers: [instance('main', { attempt: 3 }), exited('main', 9, { attempt: 2 })] }), now);
    expect(status.containerStatuses?.[0]).toMatchObject({
      restartCount: 3,
      lastState: { terminated: { exitCode: 9 } },
      ready: true,
      started: true,
    });
  });
});

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
    const { status } = plan(makePod({ containers: two }), observe({ containers: [instance('main')] }), now);
    expect(condition(status, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [side]',
    });
  });

  it('name the init containers that have not succeeded', () => {
    const { status } = plan(makePod({ initContainers: init }), observe({ containers: [exited('first', 0)] }), now);
    expect(condition(status, 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [second]',
    });
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

describe('the crash back-off', () => {
  const restart = (observed: Partial<ObservedPod>) => {
    const [action] = plan(makePod(), observe(observed), now).actions;
    return action?.kind === 'start-container' ? action.restartDelayMs : undefined;
  };

  it.each<[behaviour: string, observed: Partial<ObservedPod>, delayMs: number | undefined]>([
    ['is not touched by a first start', {}, undefined],
    ['begins with 10 s', { containers: [exited('main', 1)] }, 10_000],
    [
      'doubles',
      { containers: [exited('main', 1, { finishedAt: seconds(-30) })], restartDelays: { main: { delayMs: 20_000, setAt: seconds(-60) } } },
      40_000,
    ],
    [
      'ends at 5 minutes',
      {
        containers: [exited('main', 1, { finishedAt: seconds(-400) })],
        restartDelays: { main: { delayMs: 300_000, setAt: seconds(-500) } },
      },
      300_000,
    ],
    [
      'begins anew after 10 minutes of running',
      { containers: [exited('main', 1)], restartDelays: { main: { delayMs: 300_000, setAt: seconds(-700) } } },
      10_000,
    ],
  ])('%s', (_behaviour, observed, delayMs) => {
    expect(restart(observed)).toBe(delayMs);
  });
});

function told(name: string, state: object): PodStatus {
  return { containerStatuses: [{ name, state, ready: false, restartCount: 0, image: 'a:1', imageID: '', containerID: 'runc://old' }] };
}
