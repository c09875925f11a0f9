import type { Pod, PodStatus } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import {
  deadSandbox,
  exited,
  failed,
  initContainers,
  instance,
  makePod,
  now,
  observe,
  readySandbox,
  seconds,
  startMain,
  twoContainers,
} from '../testing/observed-pod.ts';
import { plannedActions as actions } from '../testing/planned-actions.ts';
import type { ObservedPod } from './plan/observed-pod.ts';
import { plan } from './plan.ts';

describe('what is done for a pod', () => {
  const always = makePod();
  const onFailure = makePod({ restartPolicy: 'OnFailure' });
  const never = makePod({ restartPolicy: 'Never' });

  it.each<[behaviour: string, pod: Pod, observed: ObservedPod, expected: string[]]>([
    [
      'devices are asked for beside directories, before the runtime is asked for anything',
      always,
      observe({ devicesPending: true, directories: 'unknown', sandboxes: [] }),
      ['prepare', 'allocate-devices'],
    ],
    ['directories come first', always, observe({ directories: 'unknown', sandboxes: [] }), ['prepare']],
    [
      'an instance that was made and never started is started, in place of a new one',
      always,
      observe({ containers: [instance('main', { state: 'created' })] }),
      ['start main-0'],
    ],
    [
      'so is one whose start has failed, where the runtime has it yet',
      always,
      observe({
        containers: [instance('main', { state: 'created' })],
        failures: failed({ kind: 'start-container', container: 'main' }, 'RunContainerError', seconds(-60)),
      }),
      ['start main-0'],
    ],
    [
      'one of another definition, or of another sandbox, gets a successor',
      always,
      observe({ containers: [instance('main', { state: 'created', definition: 'other', attempt: 2 })] }),
      ['start main#3'],
    ],
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

    ['containers start in the order of the manifest', makePod({ containers: twoContainers }), observe(), ['start main#0', 'start side#0']],
    ['a running container is left alone', always, observe({ containers: [instance('main')] }), []],
    ['init containers run one after the other', makePod({ initContainers }), observe(), ['start first#0']],
    ['the next init container waits for the one before', makePod({ initContainers }), observe({ containers: [instance('first')] }), []],
    [
      'an init container that succeeded makes way for the next',
      makePod({ initContainers }),
      observe({ containers: [exited('first', 0)] }),
      ['start second#0'],
    ],
    [
      'containers start when all init containers have succeeded',
      makePod({ initContainers }),
      observe({ containers: [exited('second', 0), exited('first', 0)] }),
      ['start main#0'],
    ],
    [
      'an init container that failed is started again',
      makePod({ initContainers }),
      observe({ containers: [exited('first', 1)] }),
      ['start first#1'],
    ],
    [
      'a failed init container ends a pod that never restarts',
      makePod({ initContainers, restartPolicy: 'Never' }),
      observe({ containers: [exited('first', 1)] }),
      ['stop-sandbox s0'],
    ],
    [
      'init containers run again in a new sandbox',
      makePod({ initContainers }),
      observe({ sandboxes: [{ ...readySandbox, id: 's1', attempt: 1 }], containers: [exited('main', 137), exited('first', 0)] }),
      ['start first#1'],
    ],
    [
      'init containers do not run again once a container has started',
      makePod({ initContainers }),
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
      makePod({ containers: twoContainers, restartPolicy: 'Never' }),
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
      makePod({ containers: twoContainers }),
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
      makePod({ containers: twoContainers }),
      observe({ failures: failed(startMain, 'CreateContainerError') }),
      ['start side#0'],
    ],

    [
      'a pod past its deadline is stopped',
      makePod({ activeDeadlineSeconds: 60 }),
      observe({ containers: [instance('main')], previous: { startTime: seconds(-61).toISOString() } }),
      ['stop main-0 in 30'],
    ],
    [
      'an evicted pod is stopped in the time that the node gives it',
      always,
      observe({ eviction: { reason: 'Preempting', message: 'why', gracePeriodSeconds: 3 }, containers: [instance('main')] }),
      ['stop main-0 in 3'],
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

it('a container that waits goes on waiting for the same while the runtime is silent', () => {
  const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image' };
  const previous: PodStatus = {
    containerStatuses: [{ name: 'main', image: 'a:1', imageID: '', restartCount: 0, ready: false, state: { waiting } }],
  };
  const failures = failed({ kind: 'observe' }, 'RuntimeUnavailable');
  const stateOf = (observed: Partial<ObservedPod>) =>
    plan(makePod(), observe({ previous, failures, ...observed }), now).status.containerStatuses?.[0]?.state;
  expect(stateOf({})).toEqual({ waiting });
  expect(stateOf({ containers: [instance('main')] })).toHaveProperty('running');
});

it("a refused pod has no containers and no address to tell of, even where it has the host's", () => {
  const refusal = { reason: 'NodePorts', message: 'why' };
  const { status } = plan(makePod({ hostNetwork: true }), observe({ refusal, hostIP: '192.0.2.1', sandboxes: [] }), now);
  expect(status).toMatchObject({ phase: 'Failed', ...refusal, startTime: '2026-11-21T12:00:00Z', qosClass: 'BestEffort' });
  for (const field of ['podIP', 'podIPs', 'hostIP', 'containerStatuses']) expect(status).not.toHaveProperty(field);
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
      ending({
        containers: [instance('main')],
        failures: failed({ kind: 'stop-containers', containers: [], podEnds: true }, 'FailedKillPod'),
      }),
      [],
    ],
    [
      'one that failed while the pod went on holds up nothing',
      ending({
        containers: [instance('main')],
        failures: failed({ kind: 'stop-containers', containers: [{ id: 'main-0' }] }, 'FailedKillPod'),
      }),
      ['stop main-0 in 7'],
    ],
  ])('%s', (_behaviour, observed, expected) => {
    expect(actions(makePod({ containers: twoContainers }), observed)).toEqual(expected);
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

function told(name: string, state: object): PodStatus {
  return { containerStatuses: [{ name, state, ready: false, restartCount: 0, image: 'a:1', imageID: '', containerID: 'runc://old' }] };
}
