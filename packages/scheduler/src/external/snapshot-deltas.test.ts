import { SnapshotDelta } from '@berth/sdk/scheduler/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeNode, makePod } from '../../testing/objects.ts';
import { Cache } from '../cache.ts';
import { podInfo } from '../pod-info.ts';
import { snapshotDeltas } from './snapshot-deltas.ts';

const pod = (name: string) => podInfo(makePod(name, { requests: { cpu: '1' } }));

let cache: Cache;

beforeEach(() => {
  cache = new Cache();
  cache.setNode(makeNode('n1'));
  cache.setNode(makeNode('n2'));
  cache.setPod(pod('a'), 'n1');
});

describe('snapshotDeltas', () => {
  it('begins from nothing with every node whole', () => {
    const [delta, ...more] = snapshotDeltas('s', undefined, cache.snapshot());
    expect(more).toEqual([]);
    expect(delta).toMatchObject({ session: 's', base: 0n, generation: cache.snapshot().generation, removed: [] });
    expect(delta?.changed.map(({ name, pods }) => [name, pods.map(({ uid }) => uid)])).toEqual([
      ['n1', ['default/a']],
      ['n2', []],
    ]);
    expect(delta?.changed.every(({ object }) => object.length > 0)).toBe(true);
  });

  it('tells of a changed node only what changed', () => {
    const before = cache.snapshot();
    cache.setPod(pod('b'), 'n1');
    cache.removePod('default/a');
    const [delta] = snapshotDeltas('s', before, cache.snapshot());
    expect(delta).toMatchObject({ base: before.generation, removed: [] });
    expect(delta?.changed).toMatchObject([{ name: 'n1', allocatable: {}, requested: { cpu: 1000n }, removedPods: ['default/a'] }]);
    expect(delta?.changed[0]?.object).toHaveLength(0);
    expect(delta?.changed[0]?.pods.map(({ uid }) => uid)).toEqual(['default/b']);
  });

  it('tells of nodes that are gone', () => {
    const before = cache.snapshot();
    cache.removeNode('n2');
    expect(snapshotDeltas('s', before, cache.snapshot())).toMatchObject([{ changed: [], removed: ['n2'] }]);
  });

  it('has nothing to tell when nothing changed', () => {
    const same = cache.snapshot();
    expect(snapshotDeltas('s', same, same)).toEqual([
      { session: 's', base: same.generation, generation: same.generation, changed: [], removed: [] },
    ]);
  });

  it('comes in parts that a gRPC server takes, each leading on from the one before', () => {
    for (let index = 0; index < 50; index++) cache.setNode(makeNode(`m${index}`));
    const snapshot = cache.snapshot();
    const parts = snapshotDeltas('s', undefined, snapshot, 4096);
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.flatMap(({ changed }) => changed.map(({ name }) => name))).toEqual(snapshot.nodes.map(({ name }) => name));
    const { generation } = snapshot;
    expect(parts.map(({ base }) => base)).toEqual([0n, ...Array(parts.length - 1).fill(generation)]);
    expect(parts.every((part) => part.generation === generation && SnapshotDelta.encode(part).finish().length <= 4096)).toBe(true);
  });
});
