import {
  Container,
  ContainerEventResponse,
  ContainerEventType,
  ContainerState,
  ContainerStatus,
  PodSandbox,
  PodSandboxState,
  PodSandboxStatus,
} from '@berth/sdk/cri';
import { beforeEach, expect, it } from 'vitest';
import { podUidLabel } from '../cri/labels.ts';
import { RuntimeContents } from './runtime-contents.ts';

const { SANDBOX_READY, SANDBOX_NOTREADY } = PodSandboxState;
const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;
const { CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT, CONTAINER_STOPPED_EVENT, CONTAINER_DELETED_EVENT } = ContainerEventType;

const ofPod = (uid: string) => ({ labels: { [podUidLabel]: uid } });
const sandbox = (id: string, uid: string, state: PodSandboxState) => PodSandbox.fromPartial({ id, state, ...ofPod(uid) });
const container = (id: string, uid: string, state: ContainerState) => Container.fromPartial({ id, state, ...ofPod(uid) });

let contents: RuntimeContents;

beforeEach(() => {
  contents = new RuntimeContents();
});

function counts(): object {
  const { runningPods, containers } = contents.counts;
  return { runningPods, ...Object.fromEntries(containers) };
}

/** An event about a container, or about the sandbox `s` itself, of pod `a`. */
function tell(
  containerId: string,
  containerEventType: ContainerEventType,
  state: PodSandboxState = SANDBOX_READY,
  statuses: ContainerStatus[] = [],
): void {
  const podSandboxStatus = PodSandboxStatus.fromPartial({ id: 's', state, ...ofPod('a') });
  contents.take(ContainerEventResponse.fromPartial({ containerId, containerEventType, podSandboxStatus, containersStatuses: statuses }));
}

it('a pod runs once, whichever of its sandboxes is ready; what is nobody’s pod counts for nothing', () => {
  contents.replace(
    [
      sandbox('1', 'a', SANDBOX_NOTREADY),
      sandbox('2', 'a', SANDBOX_READY),
      sandbox('3', 'a', SANDBOX_READY),
      sandbox('4', 'b', SANDBOX_NOTREADY),
      PodSandbox.fromPartial({ id: '5', state: SANDBOX_READY }),
    ],
    [
      container('6', 'a', CONTAINER_EXITED),
      container('7', 'a', CONTAINER_RUNNING),
      container('8', 'b', CONTAINER_EXITED),
      Container.fromPartial({ id: '9', state: CONTAINER_RUNNING }),
    ],
  );
  expect(counts()).toEqual({ runningPods: 1, exited: 2, running: 1 });
  expect(contents.pods.map(({ uid }) => uid)).toEqual(['a', 'b']);
});

it('events tell what has become of sandboxes and containers since', () => {
  tell('s', CONTAINER_STARTED_EVENT);
  expect(counts()).toEqual({ runningPods: 1 });
  tell('c', CONTAINER_CREATED_EVENT);
  expect(counts()).toEqual({ runningPods: 1, created: 1 });
  tell('c', CONTAINER_STARTED_EVENT);
  expect(counts()).toEqual({ runningPods: 1, running: 1 });
  tell('c', CONTAINER_STOPPED_EVENT);
  expect(counts()).toEqual({ runningPods: 1, exited: 1 });
  tell('s', CONTAINER_STOPPED_EVENT, SANDBOX_NOTREADY);
  expect(counts()).toEqual({ runningPods: 0, exited: 1 });
  tell('c', CONTAINER_DELETED_EVENT, SANDBOX_NOTREADY);
  tell('s', CONTAINER_DELETED_EVENT, SANDBOX_NOTREADY);
  expect([counts(), contents.pods]).toEqual([{ runningPods: 0 }, []]);
});

it('an event tells of the other containers of its pod too', () => {
  const other = ContainerStatus.fromPartial({ id: 'd', state: CONTAINER_CREATED, ...ofPod('a') });
  tell('c', CONTAINER_STARTED_EVENT, SANDBOX_READY, [other]);
  expect(counts()).toEqual({ runningPods: 1, running: 1, created: 1 });
});

it('a sandbox that is deleted without a status is gone', () => {
  contents.replace([sandbox('s', 'a', SANDBOX_READY)], []);
  contents.take(ContainerEventResponse.fromPartial({ containerId: 's', containerEventType: CONTAINER_DELETED_EVENT }));
  expect(counts()).toEqual({ runningPods: 0 });
});
