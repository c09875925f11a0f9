import { setTimeout as sleep } from 'node:timers/promises';
import { type Case, SkipCase } from '../../suite.ts';
import { expectEqual, expectSame, expectTrue, present } from '../expect.ts';
import type { ContainerEvent } from '../messages.ts';
import { processes } from '../needs.ts';
import type { CriTarget } from '../target.ts';

const pollMs = 20;

/** The events that came while `work` ran and until `enough` holds. The stream is ended afterwards. */
async function eventsDuring(
  target: CriTarget,
  signal: AbortSignal,
  work: () => Promise<unknown>,
  enough: (events: ContainerEvent[]) => boolean,
): Promise<ContainerEvent[]> {
  const done = new AbortController();
  const events: ContainerEvent[] = [];
  let failure: unknown;
  let ended = false;
  const reading = (async () => {
    try {
      for await (const event of target.client.GetContainerEvents({}, { signal: AbortSignal.any([done.signal, signal]) }))
        events.push(event);
    } catch (error) {
      if (!done.signal.aborted) failure = error;
    }
    ended = true;
  })();
  try {
    // Streams have no answer that says that they have begun.
    await sleep(pollMs * 10, undefined, { signal });
    throwIfEnded(ended, failure);
    await work();
    while (!enough(events)) {
      throwIfEnded(ended, failure);
      await sleep(pollMs, undefined, { signal }).catch(() => {
        throw new Error(`the events that came are ${events.map(({ containerEventType }) => containerEventType).join(', ') || 'none'}`);
      });
    }
    return events;
  } finally {
    done.abort();
    await reading;
  }
}

function throwIfEnded(ended: boolean, failure: unknown): void {
  if (failure instanceof SkipCase) throw failure;
  if (ended) throw new Error(`the stream of events ended: ${(failure as Error | undefined)?.message ?? 'without an error'}`);
}

const ofContainer = (id: string) => (event: ContainerEvent) => event.containerId === id;
const types = (events: ContainerEvent[], id: string) => events.filter(ofContainer(id)).map(({ containerEventType }) => containerEventType);

/** What happens, as it happens. */
export const eventCases: Case<CriTarget>[] = [
  {
    id: 'event.life-cycle',
    group: 'event',
    clause: 'GetContainerEvents tells of creation, start, stop and removal of a container, in this order (cri.proto, GetContainerEvents)',
    proves: ['GetContainerEvents', 'ContainerEventResponse.container_id', 'ContainerEventResponse.container_event_type'],
    timeLimitMs: 20_000,
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        let id = '';
        const work = async (): Promise<void> => {
          const container = await pod.start();
          id = container.id;
          await container.stop(0);
          await container.remove();
        };
        const events = await eventsDuring(target, signal, work, (all) => types(all, id).includes('CONTAINER_DELETED_EVENT'));
        const expected = ['CONTAINER_CREATED_EVENT', 'CONTAINER_STARTED_EVENT', 'CONTAINER_STOPPED_EVENT', 'CONTAINER_DELETED_EVENT'];
        expectSame(types(events, id), expected, 'events of the container');
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
    timeLimitMs: 20_000,
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        let id = '';
        const work = async (): Promise<void> => {
          id = (await pod.start()).id;
        };
        const events = await eventsDuring(target, signal, work, (all) => types(all, id).includes('CONTAINER_STARTED_EVENT'));
        const event = present(events.findLast(ofContainer(id)), 'the event');
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
    proves: ['ContainerEventResponse.container_event_type'],
    needs: [processes],
    timeLimitMs: 20_000,
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        let id = '';
        const work = async (): Promise<void> => {
          id = (await pod.start({ command: ['sh', '-c', 'exit 6'] })).id;
        };
        const events = await eventsDuring(target, signal, work, (all) => types(all, id).includes('CONTAINER_STOPPED_EVENT'));
        const stopped = events.filter(ofContainer(id)).find(({ containerEventType }) => containerEventType === 'CONTAINER_STOPPED_EVENT');
        expectEqual(stopped?.containersStatuses.find((one) => one.id === id)?.exitCode, 6, 'exit code in the event');
      });
    },
  },
  {
    id: 'event.two-readers',
    group: 'event',
    clause: 'every client that reads the stream gets every event (cri.proto, GetContainerEvents)',
    proves: ['GetContainerEvents'],
    timeLimitMs: 20_000,
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        let id = '';
        const started = (all: ContainerEvent[]): boolean => types(all, id).includes('CONTAINER_STARTED_EVENT');
        const work = async (): Promise<void> => {
          id = (await pod.start()).id;
        };
        const idle = async (): Promise<void> => undefined;
        const readers = await Promise.all([eventsDuring(target, signal, work, started), eventsDuring(target, signal, idle, started)]);
        for (const events of readers) expectTrue(started(events), 'a reader missed an event');
      });
    },
  },
];
