import type { PodInfo } from '@berth/sdk/scheduler';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeNode, makePod, stateOf } from '../../testing/objects.ts';
import type { AnyPlugin, ClusterEvent, QueuedPod } from '../framework.ts';
import { PrioritySort } from '../plugins/priority-sort.ts';
import { podInfo } from '../pod-info.ts';
import { SchedulingQueue } from './scheduling-queue.ts';

const minute = 60_000;
const nodeAdded: ClusterEvent = { resource: 'Node', action: 'Add', node: stateOf(makeNode('n1')) };
const podDeleted: ClusterEvent = { resource: 'Pod', action: 'Delete', node: stateOf(makeNode('n1')) };

/** Helped by nodes that come, by nothing else. */
const needsNode: AnyPlugin = { name: 'NeedsNode', eventsToRegister: () => [{ resource: 'Node', actions: ['Add'] }] };

let now: number;
let gated: Set<string>;
let compare: (left: QueuedPod, right: QueuedPod) => number;
let queue: SchedulingQueue;

beforeEach(() => {
  now = 1_000_000;
  gated = new Set();
  compare = (left, right) => new PrioritySort().compare(left, right);
  queue = new SchedulingQueue({
    compare: (left, right) => compare(left, right),
    gate: ({ uid }) => (gated.has(uid) ? 'closed' : 'open'),
    backOff: { initialMs: 1000, maxMs: 10_000 },
    now: () => now,
  });
});

function add(name: string, priority = 0): PodInfo {
  const info = podInfo(makePod(name, { priority }));
  queue.set(info);
  return info;
}

const pop = () => queue.pop()?.info.pod.metadata?.name;

describe('the active pods', () => {
  it('come by priority, then in the order in which they came', () => {
    add('first');
    add('urgent', 10);
    now += 1;
    add('second');
    expect([pop(), pop(), pop(), pop()]).toEqual(['urgent', 'first', 'second', undefined]);
  });

  it('keep their turn when they change', () => {
    const first = add('first');
    add('second');
    queue.set({ ...first });
    expect(pop()).toBe('first');
  });

  it('come as they came where they cannot be compared', () => {
    compare = () => {
      throw new Error('no order');
    };
    for (const name of ['a', 'b', 'c']) add(name);
    expect([pop(), pop(), pop()]).toEqual(['a', 'b', 'c']);
  });

  it('are passed over once they are deleted', () => {
    queue.delete(add('first').uid);
    add('second');
    expect([pop(), pop()]).toEqual(['second', undefined]);
  });
});

describe('a refused pod', () => {
  it('waits for an event that one of its plugins says may help', () => {
    const { uid } = add('pod');
    pop();
    queue.giveBack(uid, { refusedBy: [needsNode] });
    queue.notice(podDeleted);
    expect(queue.placeOf(uid)).toBe('unschedulable');
    expect(pop()).toBeUndefined();
    queue.notice(nodeAdded);
    expect(queue.placeOf(uid)).toBe('backoff');
    expect(pop()).toBe('pod');
  });

  it('is helped by any event if its plugin tells none, or throws when it is asked', () => {
    const boom = (): never => {
      throw new Error('no idea');
    };
    const unsure: AnyPlugin = { name: 'Unsure', eventsToRegister: () => [{ resource: 'Pod', actions: ['Delete'], hint: boom }] };
    for (const plugin of [{ name: 'Silent' }, unsure, { name: 'Throwing', eventsToRegister: boom }]) {
      const { uid } = add(plugin.name);
      pop();
      queue.giveBack(uid, { refusedBy: [plugin] });
      queue.notice(podDeleted);
      expect(pop()).toBe(plugin.name);
    }
  });

  it('is helped by an event that came while it was tried', () => {
    const { uid } = add('pod');
    pop();
    queue.notice(nodeAdded);
    queue.giveBack(uid, { refusedBy: [needsNode] });
    expect(queue.placeOf(uid)).toBe('backoff');
  });

  it('is not helped by what it did itself', () => {
    const { uid } = add('pod');
    pop();
    queue.notice(nodeAdded, uid);
    queue.giveBack(uid, { refusedBy: [needsNode] });
    queue.notice(nodeAdded, uid);
    expect(queue.placeOf(uid)).toBe('unschedulable');
  });

  it('is tried as it has become when it changed meanwhile', () => {
    const info = add('pod');
    pop();
    queue.set({ ...info, pod: makePod('changed') });
    queue.giveBack(info.uid, { refusedBy: [needsNode] });
    expect(pop()).toBe('changed');
  });

  it('backs off behind the active pods, however urgent it is', () => {
    const { uid } = add('urgent', 10);
    pop();
    queue.giveBack(uid, { refusedBy: [needsNode] });
    queue.notice(nodeAdded);
    add('other');
    expect([pop(), pop()]).toEqual(['other', 'urgent']);
  });

  it('waits for the end of its back-off if it has freed a node', () => {
    const { uid } = add('pod');
    pop();
    queue.giveBack(uid, { refusedBy: [needsNode], freed: true });
    queue.notice(nodeAdded);
    expect(pop()).toBeUndefined();
    now += 1000;
    expect(pop()).toBe('pod');
  });

  it('gets another try after five minutes whatever happens', () => {
    const { uid } = add('pod');
    pop();
    queue.giveBack(uid, { refusedBy: [needsNode] });
    now += 4 * minute;
    expect(pop()).toBeUndefined();
    now += 1 * minute;
    expect(pop()).toBe('pod');
  });
});

describe('a pod whose try failed', () => {
  it('waits for the end of its back-off, whatever happens', () => {
    const { uid } = add('pod');
    pop();
    queue.giveBack(uid, { failed: true });
    queue.notice(nodeAdded);
    expect(pop()).toBeUndefined();
    now += 1000;
    expect(pop()).toBe('pod');
  });

  it('waits twice as long after each try, up to the limit', () => {
    const { uid } = add('pod');
    pop();
    const waits = Array.from({ length: 6 }, () => {
      queue.giveBack(uid, { failed: true });
      const began = now;
      while (!pop()) now += 500;
      return now - began;
    });
    expect(waits).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  it('does not come back once it was deleted', () => {
    const { uid } = add('pod');
    pop();
    queue.delete(uid);
    expect(queue.isInFlight(uid)).toBe(false);
    queue.giveBack(uid, { failed: true });
    now += minute;
    expect(pop()).toBeUndefined();
  });
});

describe('a gated pod', () => {
  it('waits until it changes', () => {
    gated.add('default/pod');
    const info = podInfo(makePod('pod'));
    queue.set(info);
    expect(queue.placeOf(info.uid)).toBe('gated');
    queue.notice(nodeAdded);
    expect(pop()).toBeUndefined();
    gated.clear();
    queue.set(info);
    expect(pop()).toBe('pod');
  });
});
