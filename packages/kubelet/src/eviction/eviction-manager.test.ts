import type { Pod } from '@berth/api/objects';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.ts';
import { type Asks, resourcePod } from '../../testing/resource-pods.ts';
import { disk, gibi, mebi, podStats, summaryOf } from '../../testing/summaries.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { Eviction } from '../plan/observed-pod.ts';
import { uidOf } from '../pod.ts';
import type { Summary } from '../stats/summary.ts';
import { defaultEviction, EvictionManager, type EvictionOptions } from './eviction-manager.ts';

let metrics: KubeletMetrics;
let clock: ManualClock;
let summary: Summary;
let active: Pod[];
let evicted: { uid: string; eviction: Eviction }[];
let reclaimed: string[];
let warned: string[];
/** What the node looks like once something was reclaimed. */
let afterReclaim: Summary | undefined;
/** All pods are known. */
let ready: boolean;

beforeEach(() => {
  warned = [];
  metrics = new KubeletMetrics({ nodeName: 'node' });
  clock = new ManualClock();
  [summary, active, evicted, reclaimed, afterReclaim, ready] = [summaryOf(), [], [], [], undefined, true];
});

function manager(options: Partial<EvictionOptions> = {}, inCluster = true): EvictionManager {
  const reclaim = (what: string) => async () => {
    reclaimed.push(what);
    summary = afterReclaim ?? summary;
  };
  return new EvictionManager(
    { ...defaultEviction, ...options },
    {
      stats: { summary: async () => summary },
      reclaim: { removeUnusedContainers: reclaim('containers'), removeUnusedImages: reclaim('images') },
      activePods: () => active,
      sourcesReady: () => ready,
      evict: (pod, eviction) => evicted.push({ uid: uidOf(pod), eviction }),
      warn: (reason, message) => warned.push(`${reason}: ${message}`),
      inCluster,
      metrics,
      clock,
      log: pino({ level: 'silent' }),
    },
  );
}

const never = new AbortController().signal;
const hardMemory = { evictionHard: { 'memory.available': '1Gi' } };
const hardDisk = { evictionHard: { 'nodefs.available': '10%' } };

/** A pod of the node that uses this much memory. */
function run(
  uid: string,
  memory: number,
  more: { asks?: Asks; priority?: number; annotations?: Record<string, string>; grace?: number } = {},
): void {
  const pod = resourcePod(uid, { containers: { main: more.asks ?? {} } });
  const [main] = pod.spec?.containers ?? [];
  if (main && !more.asks) main.resources = {};
  Object.assign(pod.spec ?? {}, { priority: more.priority, terminationGracePeriodSeconds: more.grace ?? 30 });
  Object.assign(pod.metadata ?? {}, { annotations: more.annotations });
  active.push(pod);
  summary = { ...summary, pods: [...summary.pods, podStats(uid, { memory })] };
}

function shortOfMemory(): void {
  summary = { ...summaryOf({ memoryAvailable: gibi / 2 }), pods: summary.pods };
}

describe('a node that is short of memory', () => {
  it('evicts one pod, in the words of kubelet', async () => {
    run('large', 2 * gibi);
    run('guaranteed', gibi, { asks: { cpu: '1', memory: '4Gi' } });
    shortOfMemory();
    expect(await manager(hardMemory).synchronize(never)).toBe(1);
    expect(warned).toEqual(['EvictionThresholdMet: Attempting to reclaim memory']);
    const message =
      'The node was low on resource: memory. Threshold quantity: 1Gi, available: 512Mi. ' +
      'Container main was using 2Gi, request is 0, has larger consumption of memory. ';
    expect(evicted).toEqual([{ uid: 'large', eviction: { reason: 'Evicted', message, disruption: message, gracePeriodSeconds: 1 } }]);
    expect((await metrics.evictions.get()).values).toEqual([{ labels: { eviction_signal: 'memory.available' }, value: 1 }]);
  });

  it('evicts the next one at the next look, once the one before has ended', async () => {
    run('a', gibi);
    run('b', gibi / 2);
    shortOfMemory();
    const node = manager(hardMemory);
    await node.synchronize(never);
    await node.synchronize(never);
    expect(evicted.map(({ uid }) => uid)).toEqual(['a', 'b']);
    expect(await node.synchronize(never)).toBe(0);
  });

  it.each([
    ['by its priority', { priority: 2_000_001_000 }, true],
    ['as a static pod of a cluster', { annotations: { 'kubernetes.io/config.source': 'file' } }, true],
    ['as a mirror of a static pod', { annotations: { 'kubernetes.io/config.mirror': 'x' } }, true],
  ])('keeps a critical pod: %s', async (_, more, inCluster) => {
    run('critical', 4 * gibi, more);
    run('other', mebi);
    shortOfMemory();
    await manager(hardMemory, inCluster).synchronize(never);
    expect(evicted.map(({ uid }) => uid)).toEqual(['other']);
  });

  it('by itself, without a cluster, evicts pods of its files', async () => {
    run('a', gibi, { annotations: { 'kubernetes.io/config.source': 'file' } });
    shortOfMemory();
    expect(await manager(hardMemory, false).synchronize(never)).toBe(1);
  });

  it.each([
    ['its own, if that is less', 5, 5],
    ['as the node allows at most', 600, 60],
  ])('for a soft threshold gives the pod the time that is %s', async (_, grace, expected) => {
    run('a', gibi, { grace });
    shortOfMemory();
    const soft = {
      evictionSoft: { 'memory.available': '1Gi' },
      evictionSoftGracePeriodMs: { 'memory.available': 90_000 },
      evictionMaxPodGracePeriod: 60,
    };
    const node = manager(soft);
    expect(await node.synchronize(never)).toBe(0);
    clock.advance(90_000);
    expect(await node.synchronize(never)).toBe(1);
    expect(evicted[0]?.eviction.gracePeriodSeconds).toBe(expected);
  });
});

describe('a node that is short of disk', () => {
  it('removes what no pod needs, and evicts nobody if that is enough', async () => {
    run('a', 0);
    summary = { ...summaryOf({ fs: disk(gibi) }), pods: summary.pods };
    afterReclaim = summaryOf();
    expect(await manager(hardDisk).synchronize(never)).toBe(0);
    expect([reclaimed, evicted]).toEqual([['containers', 'images'], []]);
  });

  it('evicts if it was not enough', async () => {
    run('a', 0);
    summary = { ...summaryOf({ fs: disk(gibi) }), pods: summary.pods };
    expect(await manager(hardDisk).synchronize(never)).toBe(1);
    expect(evicted[0]?.eviction.message).toBe(
      'The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 1Gi. ',
    );
  });

  it.each([
    [
      'images have a disk of their own, and the other one is short',
      { fs: disk(gibi), imageFs: disk(50 * gibi, 1, 200 * gibi) },
      'nodefs.available',
      [],
    ],
    [
      'only images are apart',
      { fs: disk(50 * gibi), imageFs: disk(gibi, 1, 200 * gibi), containerFs: disk(50 * gibi) },
      'imagefs.available',
      ['images'],
    ],
  ])('removes what is on that disk: %s', async (_, shape, signal, expected) => {
    summary = summaryOf(shape);
    await manager({ evictionHard: { [signal]: '10%' } }).synchronize(never);
    expect(reclaimed).toEqual(expected);
  });
});

describe('limits of a pod of its own', () => {
  it('are watched without any threshold, and exceeding them is no disruption', async () => {
    run('a', 0);
    run('b', 0);
    for (const pod of active) Object.assign(pod.spec ?? {}, { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }] });
    summary = { ...summary, pods: [podStats('a', { volumes: { v: 2 * mebi } }), podStats('b', { volumes: { v: 1 } })] };
    expect(await manager().synchronize(never)).toBe(1);
    const message = 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ';
    expect(evicted).toEqual([{ uid: 'a', eviction: { reason: 'Evicted', message, gracePeriodSeconds: 1 } }]);
  });
});

describe('admission', () => {
  const asking = (more: { asks?: Asks; tolerations?: object[]; priority?: number } = {}) => {
    const pod = resourcePod('new', { containers: { main: more.asks ?? {} } });
    const [main] = pod.spec?.containers ?? [];
    if (main && !more.asks) main.resources = {};
    Object.assign(pod.spec ?? {}, { tolerations: more.tolerations, priority: more.priority });
    return pod;
  };
  const memoryTaint = [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' }];

  it.each([
    ['memory', 'a BestEffort pod', {}, 'The node had condition: [MemoryPressure]. '],
    ['memory', 'one that requests memory', { asks: { memory: '1Gi' } }, undefined],
    ['memory', 'one that tolerates the taint', { tolerations: memoryTaint }, undefined],
    ['disk', 'one that requests memory', { asks: { memory: '1Gi' } }, 'The node had condition: [DiskPressure]. '],
    ['disk', 'one that tolerates the taint of memory', { tolerations: memoryTaint }, 'The node had condition: [DiskPressure]. '],
    ['disk', 'a critical one', { priority: 2_000_000_000 }, undefined],
  ])('under pressure of %s: %s', async (what, _, more, message) => {
    summary = summaryOf(what === 'memory' ? { memoryAvailable: 1 } : { fs: disk(1) });
    const node = manager(what === 'memory' ? hardMemory : hardDisk);
    await node.synchronize(never);
    expect(node.admit({ pod: asking(more), others: [] })).toEqual(message && { reason: 'Evicted', message });
  });

  it('without pressure takes every pod', () => {
    expect(manager(hardMemory).admit({ pod: asking(), others: [] })).toBeUndefined();
  });
});

it('looks every 10 seconds, and after an eviction as soon as the pod has ended', async () => {
  const end = new AbortController();
  run('a', gibi);
  shortOfMemory();
  const node = manager(hardMemory);
  const done = node.run(end.signal);
  await expect.poll(() => evicted.length).toBe(1);
  active = [];
  run('b', gibi);
  clock.advance(1000);
  await expect.poll(() => evicted.length).toBe(2);
  active = [];
  summary = summaryOf();
  clock.advance(1000);
  await expect.poll(() => clock.waiting).toBe(1);
  run('c', gibi);
  shortOfMemory();
  clock.advance(9999);
  expect(evicted.length).toBe(2);
  clock.advance(1);
  await expect.poll(() => evicted.length).toBe(3);
  end.abort();
  await done;
});

it('evicts nobody before all pods are known', async () => {
  ready = false;
  const end = new AbortController();
  run('a', gibi);
  shortOfMemory();
  const done = manager(hardMemory).run(end.signal);
  clock.advance(100);
  await expect.poll(() => clock.waiting).toBe(1);
  expect(evicted).toEqual([]);
  ready = true;
  clock.advance(100);
  await expect.poll(() => evicted.length).toBe(1);
  end.abort();
  await done;
});
