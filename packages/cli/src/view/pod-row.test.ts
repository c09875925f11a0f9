import type { ContainerState, ContainerStatus, Pod, PodStatus } from '@berth/api/objects';
import { expect, it } from 'vitest';
import { beginOf, type PodRow, podRow } from './pod-row.ts';

const running: ContainerState = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const waiting = (reason: string): ContainerState => ({ waiting: { reason } });
const ended = (exitCode: number, reason?: string, finishedAt = '2026-01-01T00:00:00Z'): ContainerState => ({
  terminated: { exitCode, finishedAt, ...(reason && { reason }) },
});
const named = (name: string, state: ContainerState, more: Partial<ContainerStatus> = {}): ContainerStatus => {
  const runs = state.running !== undefined;
  return { name, state, ready: runs, started: runs, restartCount: 0, image: 'a', imageID: '', ...more };
};

const conditions = (...types: string[]) => ({ conditions: types.map((type) => ({ type, status: 'True' })) }) as Partial<PodStatus>;

/** `i` is an init container, `s` a sidecar, `a` and `b` are the others. */
function pod(main: ContainerStatus[], init: ContainerStatus[] = [], status: Partial<PodStatus> = {}, metadata: Pod['metadata'] = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: {
      initContainers: init.map(({ name }) => ({ name, ...(name === 's' && { restartPolicy: 'Always' }) })),
      containers: main.map(({ name }) => ({ name })),
    },
    status: { phase: 'Running', initContainerStatuses: init, containerStatuses: main, ...status },
  };
}

const restarted = { restartCount: 2, lastState: ended(1, 'Error', '2026-01-01T00:00:05Z') };
const lastRestart = '2026-01-01T00:00:05Z';
const idle = [named('a', waiting('PodInitializing'))];
const pending = { phase: 'Pending' } as const;
const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' };

it.each<[situation: string, pod: Pod, row: PodRow]>([
  ['all run', pod([named('a', running), named('b', running)]), { ready: '2/2', status: 'Running', restarts: 0 }],
  ['one is not ready', pod([named('a', running, { ready: false })]), { ready: '0/1', status: 'Running', restarts: 0 }],
  ['nothing is known yet', pod([], [], pending), { ready: '0/0', status: 'Pending', restarts: 0 }],
  [
    'volumes or sandbox are being made',
    pod([named('a', waiting('ContainerCreating'))], [], pending),
    { ready: '0/1', status: 'ContainerCreating', restarts: 0 },
  ],
  [
    'the first container in trouble is told',
    pod([named('a', waiting('CrashLoopBackOff'), restarted), named('b', ended(1, 'Error'))]),
    { ready: '0/2', status: 'CrashLoopBackOff', restarts: 2, lastRestart },
  ],
  ['a container failed', pod([named('a', ended(1, 'Error'))]), { ready: '0/1', status: 'Error', restarts: 0 }],
  ['… without a reason', pod([named('a', ended(3))]), { ready: '0/1', status: 'ExitCode:3', restarts: 0 }],
  [
    'one has completed, another runs',
    pod([named('a', ended(0, 'Completed')), named('b', running)], [], conditions('Initialized', 'Ready')),
    { ready: '1/2', status: 'Running', restarts: 0 },
  ],
  [
    '… and the pod is not ready',
    pod([named('a', ended(0, 'Completed')), named('b', running)], [], conditions('Initialized')),
    { ready: '1/2', status: 'NotReady', restarts: 0 },
  ],
  [
    'it has succeeded',
    pod([named('a', ended(0, 'Completed'))], [], { phase: 'Succeeded' }),
    { ready: '0/1', status: 'Completed', restarts: 0 },
  ],
  ['it was refused', pod([], [], { phase: 'Failed', reason: 'NodePorts' }), { ready: '0/0', status: 'NodePorts', restarts: 0 }],
  ['an init container runs', pod(idle, [named('i', running)], pending), { ready: '0/1', status: 'Init:0/1', restarts: 0 }],
  [
    'the second init container has not begun',
    pod(idle, [named('i', ended(0, 'Completed')), named('j', waiting('PodInitializing'))], pending),
    { ready: '0/1', status: 'Init:1/2', restarts: 0 },
  ],
  [
    'an init container crashes',
    pod(idle, [named('i', waiting('CrashLoopBackOff'), restarted)], pending),
    { ready: '0/1', status: 'Init:CrashLoopBackOff', restarts: 2, lastRestart },
  ],
  ['an init container failed', pod(idle, [named('i', ended(1, 'Error'))], pending), { ready: '0/1', status: 'Init:Error', restarts: 0 }],
  [
    "restarts of an init container that has succeeded count no more, a sidecar's do",
    pod(
      [named('a', running)],
      [named('i', ended(0, 'Completed'), { restartCount: 3 }), named('s', running, restarted)],
      conditions('Initialized'),
    ),
    { ready: '2/2', status: 'Running', restarts: 2, lastRestart },
  ],
  [
    'a sidecar has not started up',
    pod(idle, [named('s', running, { started: false, ready: false })], pending),
    { ready: '0/2', status: 'Init:0/1', restarts: 0 },
  ],
  [
    'it is deleted and in its grace period',
    pod([named('a', running)], [], {}, deleted),
    { ready: '1/1', status: 'Terminating', restarts: 0 },
  ],
  [
    'it was deleted after it had ended',
    pod([named('a', ended(0, 'Completed'))], [], { phase: 'Succeeded' }, deleted),
    { ready: '0/1', status: 'Completed', restarts: 0 },
  ],
])('%s', (_situation, given, row) => {
  expect(podRow(given)).toEqual(row);
});

it.each<
  [situation: string, created: string | undefined, startTime: string | undefined, seen: string | undefined, begin: string | undefined]
>([
  ['has been created', '2026-01-01T00:00:03Z', '2026-01-01T00:00:05Z', '2026-01-01T00:00:04Z', '2026-01-01T00:00:03Z'],
  ['waits for its first status', undefined, undefined, '2026-01-01T00:00:04Z', '2026-01-01T00:00:04Z'],
  ['has waited for its first status', undefined, '2026-01-01T00:01:00Z', '2026-01-01T00:00:04Z', '2026-01-01T00:00:04Z'],
  ['is seen again after a restart of the node agent', undefined, '2026-01-01T00:01:00Z', '2026-01-01T02:00:00Z', '2026-01-01T00:01:00Z'],
  ['nothing is known of', undefined, undefined, undefined, undefined],
])('the age of a pod that %s has a begin that never moves on', (_situation, creationTimestamp, startTime, seen, begin) => {
  const metadata = { ...(creationTimestamp && { creationTimestamp }), ...(seen && { annotations: { 'kubernetes.io/config.seen': seen } }) };
  expect(beginOf(pod([], [], startTime ? { startTime } : {}, metadata))).toBe(begin);
});
