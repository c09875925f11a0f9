import { describe, expect, it } from 'vitest';
import { exited, failed, initContainers, instance, makePod, now, observe, seconds, startMain } from '../../testing/observed-pod.ts';
import { plan } from '../plan.ts';
import type { ObservedPod } from './observed-pod.ts';

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

  it('says InvalidImageName, and asks no runtime, where the name is none', () => {
    const planned = plan(makePod({ containers: [{ name: 'main', image: 'Bad:Name::' }] }), observe(), now);
    expect(planned.actions).toEqual([]);
    expect(planned.status.containerStatuses?.[0]?.state?.waiting).toEqual({
      reason: 'InvalidImageName',
      message: expect.stringMatching(/^Failed to apply default image tag "Bad:Name::": .*malformed/),
    });
  });

  it('says PodInitializing while init containers run', () => {
    const { status } = plan(makePod({ initContainers }), observe({ containers: [instance('first')] }), now);
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

  it('tells 12 KiB of termination messages in the whole pod, in whole characters', () => {
    const message = 'ä'.repeat(5000);
    const pod = makePod({ restartPolicy: 'Never', containers: ['a', 'b', 'c', 'd'].map((name) => ({ name, image: 'a:1' })) });
    const { status } = plan(pod, observe({ containers: [exited('a', 1, { message }), exited('b', 1, { message: 'short' })] }), now);
    const messages = status.containerStatuses?.map(({ state }) => state?.terminated?.message);
    expect(messages).toEqual(['ä'.repeat(1536), 'short', undefined, undefined]);
  });

  it('says whom it runs as, and which volumes it sees', () => {
    const volumeMounts = [
      { name: 'data', mountPath: '/data' },
      { name: 'conf', mountPath: '/conf', readOnly: true },
      { name: 'tree', mountPath: 'tree', readOnly: true, recursiveReadOnly: 'IfPossible' },
    ];
    const pod = makePod({ containers: [{ name: 'main', image: 'a:1', volumeMounts }] });
    const { status } = plan(
      pod,
      observe({ containers: [instance('main', { user: { uid: 7, gid: 8 }, recursiveReadOnlyMounts: ['/tree'] })] }),
      now,
    );
    expect(status.containerStatuses?.[0]).toMatchObject({
      user: { linux: { uid: 7, gid: 8 } },
      volumeMounts: [
        { name: 'data', mountPath: '/data' },
        { name: 'conf', mountPath: '/conf', readOnly: true, recursiveReadOnly: 'Disabled' },
        { name: 'tree', mountPath: 'tree', readOnly: true, recursiveReadOnly: 'Enabled' },
      ],
    });
  });
});
