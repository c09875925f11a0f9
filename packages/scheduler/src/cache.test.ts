import { beforeEach, describe, expect, it } from 'vitest';
import { makeNode, makePod } from '../testing/objects.ts';
import { Cache } from './cache.ts';
import { podInfo } from './pod-info.ts';

const pod = podInfo(makePod('pod', { requests: { cpu: '500m' } }));

let cache: Cache;

beforeEach(() => {
  cache = new Cache();
  cache.setNode(makeNode('n1'));
  cache.setNode(makeNode('n2'));
});

const cpuOn = (name: string) => cache.snapshot().get(name)?.requested.get('cpu');

describe('a snapshot', () => {
  it('stays as it was while the cache goes on', () => {
    const before = cache.snapshot();
    cache.setPod(pod, 'n1');
    cache.removeNode('n2');
    expect(before.get('n1')?.pods.size).toBe(0);
    expect(before.nodes.map(({ name }) => name)).toEqual(['n1', 'n2']);
  });

  it('shares the nodes that did not change with the one before, and is the same one if none did', () => {
    const before = cache.snapshot();
    cache.setPod(pod, 'n1');
    const after = cache.snapshot();
    expect(after.get('n2')).toBe(before.get('n2'));
    expect(after.get('n1')).not.toBe(before.get('n1'));
    expect(after.generation).toBeGreaterThan(before.generation);
    expect(cache.snapshot()).toBe(after);
  });
});

describe('an assumed pod', () => {
  it('counts until it is forgotten', () => {
    cache.assumePod(pod, 'n1');
    expect(cpuOn('n1')).toBe(500n);
    cache.forgetPod(pod.uid);
    expect(cpuOn('n1')).toBeUndefined();
    expect(cache.nodeOf(pod.uid)).toBeUndefined();
  });

  it('can no longer be forgotten once it was seen on its node', () => {
    cache.assumePod(pod, 'n1');
    cache.setPod(pod, 'n1');
    cache.forgetPod(pod.uid);
    expect(cpuOn('n1')).toBe(500n);
  });

  it('counts on the node where it was seen, wherever it was assumed', () => {
    cache.assumePod(pod, 'n1');
    cache.setPod(pod, 'n2');
    expect([cpuOn('n1'), cpuOn('n2')]).toEqual([undefined, 500n]);
  });
});

describe('a pod', () => {
  it('whose node comes later counts there then', () => {
    cache.setPod(pod, 'n3');
    expect(cache.snapshot().get('n3')).toBeUndefined();
    cache.setNode(makeNode('n3'));
    expect(cpuOn('n3')).toBe(500n);
  });

  it('is still there when its node comes back', () => {
    cache.setPod(pod, 'n1');
    cache.removeNode('n1');
    cache.setNode(makeNode('n1'));
    expect(cpuOn('n1')).toBe(500n);
  });

  it('that was removed while its node was away stays away', () => {
    cache.setPod(pod, 'n1');
    cache.removeNode('n1');
    cache.removePod(pod.uid);
    cache.setNode(makeNode('n1'));
    expect(cpuOn('n1')).toBeUndefined();
  });

  it('stays on its node when that changes', () => {
    cache.setPod(pod, 'n1');
    cache.setNode(makeNode('n1', { labels: { disk: 'ssd' } }));
    expect(cpuOn('n1')).toBe(500n);
    expect(cache.snapshot().get('n1')?.node.metadata?.labels).toEqual({ disk: 'ssd' });
  });
});
