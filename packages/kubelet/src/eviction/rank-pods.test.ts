import { describe, expect, it } from 'vitest';
import { resourcePod } from '../../testing/resource-pods.ts';
import { podStats } from '../../testing/summaries.ts';
import type { DiskPart } from './pod-usage.ts';
import { rankPods } from './rank-pods.ts';
import type { ShortResource } from './signals.ts';

type Use = Parameters<typeof podStats>[1];
type Candidate = [uid: string, requests: Record<string, string>, use: Use | undefined, priority?: number];

function rank(resource: ShortResource, candidates: Candidate[], parts?: DiskPart[]): string[] {
  const pods = candidates.map(([uid, requests, , priority]) => {
    const pod = resourcePod(uid, { containers: { main: {} } });
    const [main] = pod.spec?.containers ?? [];
    if (main) main.resources = { requests };
    if (pod.spec && priority !== undefined) pod.spec.priority = priority;
    return pod;
  });
  const stats = new Map(candidates.flatMap(([uid, , use]) => (use ? [[uid, podStats(uid, use)] as const] : [])));
  return rankPods(pods, stats, resource, parts).map(({ metadata }) => metadata?.uid ?? '');
}

describe('the first to be evicted is', () => {
  it.each<[what: string, resource: ShortResource, candidates: Candidate[], parts?: DiskPart[]]>([
    [
      'one that uses more memory than it requests',
      'memory',
      [
        ['b', { memory: '9' }, { memory: 8 }],
        ['a', { memory: '1' }, { memory: 2 }],
      ],
    ],
    [
      'the lower priority of those',
      'memory',
      [
        ['b', {}, { memory: 9 }, 10],
        ['a', {}, { memory: 2 }, 5],
      ],
    ],
    [
      'the one that uses most above its request',
      'memory',
      [
        ['b', { memory: '5' }, { memory: 9 }],
        ['a', { memory: '1' }, { memory: 6 }],
      ],
    ],
    [
      'the lower priority, if none uses more than it requests',
      'memory',
      [
        ['b', { memory: '9' }, { memory: 8 }, 1],
        ['a', { memory: '9' }, { memory: 1 }, 0],
      ],
    ],
    [
      'one whose use nobody knows',
      'memory',
      [
        ['b', {}, { memory: 9 }],
        ['a', { memory: '1' }, undefined],
      ],
    ],
    [
      'one that uses more disk than it requests',
      'ephemeral-storage',
      [
        ['b', { 'ephemeral-storage': '9' }, { root: 8 }],
        ['a', {}, { logs: 1 }],
      ],
    ],
    [
      'the one that uses most of the disk that is short',
      'ephemeral-storage',
      [
        ['b', {}, { root: 9, logs: 1 }],
        ['a', {}, { logs: 2 }],
      ],
      ['logs', 'volumes'],
    ],
    [
      'the one that has most inodes',
      'inodes',
      [
        ['b', {}, { root: 9, inodes: 1 }],
        ['a', {}, { inodes: 5 }],
      ],
    ],
    [
      'the lower priority, then who has most processes',
      'pids',
      [
        ['c', {}, { processes: 9 }, 1],
        ['b', {}, { processes: 2 }, 0],
        ['a', {}, { processes: 3 }, 0],
      ],
    ],
  ])('%s', (_, resource, candidates, parts) => {
    expect(rank(resource, candidates, parts)[0]).toBe('a');
  });
});
