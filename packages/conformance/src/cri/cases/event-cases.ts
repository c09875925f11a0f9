import { expectEqual, expectSame, expectTrue, present } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { withCleanUp } from '../../with-clean-up.ts';
import { EventReader } from '../event-reader.ts';
import { processes } from '../needs.ts';
import type { TestPod } from '../pod.ts';
import type { CriTarget } from '../target.ts';

const timeLimitMs = 30_000;

/** Runs `work` with a pod of its own, and a stream that tells of what happens. */
function withEvents<Result>(
  target: CriTarget,
  signal: AbortSignal,
  work: (pod: TestPod, events: EventReader) => Promise<Result>,
): Promise<Result> {
  return target.withPod({}, async (pod) => {
    const events = await EventReader.open(target, signal);
    return withCleanUp(
      () => work(pod, events),
      () => events.close(),
    );
  });
}

/** What happens, as it happens. */
export const eventCases: Case<CriTarget>[] = [
  {
    id: 'event.life-cycle',
    group: 'event',
    clause: 'GetContainerEvents tells of creation, start, stop and removal of a container, in this order (cri.proto, GetContainerEvents)',
    proves: [
      'GetContainerEvents',
      'ContainerEventResponse.container_id',
      'ContainerEventResponse.container_event_type',
      'ContainerEventType.CONTAINER_CREATED_EVENT',
      'ContainerEventType.CONTAINER_STARTED_EVENT',
      'ContainerEventType.CONTAINER_STOPPED_EVENT',
      'ContainerEventType.CONTAINER_DELETED_EVENT',
    ],
    timeLimitMs,
    async run(target, signal) {
      await withEvents(target, signal, async (pod, events) => {
        const container = await pod.start();
        await container.stop(0);
        await container.remove();
        await events.told(container.id, 'CONTAINER_DELETED_EVENT');
        const expected = ['CONTAINER_CREATED_EVENT', 'CONTAINER_STARTED_EVENT', 'CONTAINER_STOPPED_EVENT', 'CONTAINER_DELETED_EVENT'];
        expectSame(events.typesOf(container.id), expected, 'events of the container');
      });
    },
  },
  {
    id: 'event.pod-status',
    group: 'event',
    clause: 'an event carries the status of the pod and all its containers after it (cri.proto, ContainerEventResponse)',
    proves: [
      'ContainerEventResponse.pod_sandbox_status',
      'ContainerEventResponse.containers_statuses',
      'ContainerEventResponse.created_at',
    ],
    timeLimitMs,
    async run(target, signal) {
      await withEvents(target, signal, async (pod, events) => {
        const { id } = await pod.start();
        const event = await events.told(id, 'CONTAINER_STARTED_EVENT');
        expectEqual(event.podSandboxStatus?.id, pod.id, 'id of the sandbox');
        const status = present(
          event.containersStatuses.find((one) => one.id === id),
          'the status of the container',
        );
        expectEqual(status.state, 'CONTAINER_RUNNING', 'state');
        expectTrue(Math.abs(Date.now() - Number(BigInt(event.createdAt) / 1_000_000n)) < 60_000, `created_at is ${event.createdAt}`);
      });
    },
  },
  {
    id: 'event.ended-by-itself',
    group: 'event',
    clause: 'a container that ends by itself is told of as well, with its exit code (cri.proto, ContainerEventType)',
    proves: ['ContainerEventType.CONTAINER_STOPPED_EVENT'],
    needs: [processes],
    timeLimitMs,
    async run(target, signal) {
      await withEvents(target, signal, async (pod, events) => {
        const { id } = await pod.start({ command: ['sh', '-c', 'exit 6'] });
        const { containersStatuses } = await events.told(id, 'CONTAINER_STOPPED_EVENT');
        expectEqual(containersStatuses.find((one) => one.id === id)?.exitCode, 6, 'exit code in the event');
      });
    },
  },
  {
    id: 'event.two-readers',
    group: 'event',
    clause: 'every client that reads the stream gets every event (cri.proto, GetContainerEvents)',
    proves: ['GetContainerEvents'],
    timeLimitMs,
    async run(target, signal) {
      await withEvents(target, signal, async (pod, first) => {
        const second = await EventReader.open(target, signal);
        await withCleanUp(
          async () => {
            const { id } = await pod.start();
            await Promise.all([first, second].map((events) => events.told(id, 'CONTAINER_STARTED_EVENT')));
          },
          () => second.close(),
        );
      });
    },
  },
];
