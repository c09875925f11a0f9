import type { Pod } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { defaultShutdown, shutdownGroups, shutdownPeriods } from './shutdown-groups.ts';

const pod = (name: string, priority?: number, terminationGracePeriodSeconds = 30): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [], terminationGracePeriodSeconds, ...(priority !== undefined && { priority }) },
});

function groups(options: Partial<typeof defaultShutdown>, ...pods: Pod[]): string[] {
  const periods = shutdownPeriods({ ...defaultShutdown, ...options });
  return shutdownGroups(periods, pods, (each) => each).map(
    (group) => `${group.seconds}s: ${group.pods.map((each) => `${each.pod.metadata?.name} ${each.gracePeriodSeconds}s`).join(', ')}`,
  );
}

it('without a period there is nothing to do', () => {
  expect(groups({}, pod('a'))).toEqual([]);
});

describe('shutdownGracePeriod', () => {
  const options = { shutdownGracePeriod: 20, shutdownGracePeriodCriticalPods: 5 };

  it('critical pods end last, in the time that is kept for them', () => {
    expect(groups(options, pod('critical', 2_000_000_000), pod('web'), pod('node', 2_000_001_000))).toEqual([
      '15s: web 15s',
      '5s: critical 5s, node 5s',
    ]);
  });

  it('a pod that asks for less gets less', () => {
    expect(groups(options, pod('web', undefined, 3))).toEqual(['15s: web 3s']);
  });

  it('a group without pods takes no time', () => {
    expect(groups(options, pod('critical', 2_000_000_000))).toEqual(['5s: critical 5s']);
  });
});

describe('shutdownGracePeriodByPodPriority', () => {
  const shutdownGracePeriodByPodPriority = [
    { priority: 100_000, shutdownGracePeriodSeconds: 10 },
    { priority: 1000, shutdownGracePeriodSeconds: 20 },
    { priority: 0, shutdownGracePeriodSeconds: 60 },
  ];

  it('pods go with the highest priority that is not above theirs, the lowest group first', () => {
    const pods = [pod('a', 100_001), pod('b', 99_999), pod('c', 1000), pod('d', 5), pod('e')];
    expect(groups({ shutdownGracePeriodByPodPriority }, ...pods)).toEqual(['60s: d 30s, e 30s', '20s: b 20s, c 20s', '10s: a 10s']);
  });

  it('a pod below them all goes with the lowest', () => {
    expect(groups({ shutdownGracePeriodByPodPriority: [{ priority: 10, shutdownGracePeriodSeconds: 7 }] }, pod('a', -5))).toEqual([
      '7s: a 7s',
    ]);
  });
});
