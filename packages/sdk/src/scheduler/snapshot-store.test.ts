import { beforeEach, describe, expect, it } from 'vitest';
import type { NodeDelta, SnapshotDelta } from '../gen/scheduler.ts';
import { SnapshotStore } from './snapshot-store.ts';

const json = (object: object) => Buffer.from(JSON.stringify(object));
const pod = (uid: string) => ({ uid, object: json({ kind: 'Pod' }), requests: { cpu: 1n } });
const delta = (base: bigint, generation: bigint, changed: Partial<NodeDelta>[] = [], more: Partial<SnapshotDelta> = {}): SnapshotDelta => ({
  session: 's',
  base,
  generation,
  changed: changed.map((each) => ({
    name: 'n1',
    object: Buffer.alloc(0),
    allocatable: {},
    requested: {},
    pods: [],
    removedPods: [],
    ...each,
  })),
  removed: [],
  ...more,
});
const whole = (name: string): Partial<NodeDelta> => ({
  name,
  object: json({ kind: 'Node', metadata: { name } }),
  allocatable: { cpu: 4n },
});

let store: SnapshotStore;

beforeEach(() => {
  store = new SnapshotStore();
  store.apply(delta(0n, 1n, [{ ...whole('n1'), pods: [pod('a')] }, whole('n2')]));
});

describe('the nodes of a scheduler', () => {
  it('change by deltas; what a delta does not tell stays', () => {
    const nodes = store.apply(
      delta(1n, 2n, [{ name: 'n1', requested: { cpu: 2n }, pods: [pod('b')], removedPods: ['a'] }], { removed: ['n2'] }),
    );
    expect(nodes).toHaveLength(1);
    expect(nodes?.[0]).toMatchObject({ name: 'n1', node: { metadata: { name: 'n1' } } });
    expect(nodes?.[0]?.allocatable).toEqual(new Map([['cpu', 4n]]));
    expect(nodes?.[0]?.requested).toEqual(new Map([['cpu', 2n]]));
    expect([...(nodes?.[0]?.pods.keys() ?? [])]).toEqual(['b']);
  });

  it('stay as they were for whoever still looks at them', () => {
    const before = store.apply(delta(1n, 1n));
    store.apply(delta(1n, 2n, [{ name: 'n1', removedPods: ['a'] }]));
    expect(before?.[0]?.pods.size).toBe(1);
  });

  it('are asked for again, and nothing is applied, when a delta does not lead on from them', () => {
    expect(store.apply(delta(7n, 8n))).toBeUndefined();
    expect(store.apply(delta(1n, 2n, [], { session: 'another' }))).toBeUndefined();
    expect(store.apply(delta(1n, 2n, [{ name: 'unknown' }]))).toBeUndefined();
    expect(store.apply(delta(1n, 1n))).toHaveLength(2);
  });

  it('begin anew from nothing', () => {
    expect(store.apply(delta(0n, 1n, [whole('n3')]))?.map(({ name }) => name)).toEqual(['n3']);
  });

  it('stay when a delta is refused because it is no JSON', () => {
    expect(() => store.apply(delta(1n, 2n, [{ name: 'n1', object: Buffer.from('{') }]))).toThrow(/an object is no JSON/);
    expect(store.apply(delta(1n, 1n))).toHaveLength(2);
  });

  it('are forgotten when four other schedulers have come since', () => {
    for (const session of ['b', 'c', 'd', 'e']) store.apply(delta(0n, 1n, [], { session }));
    expect(store.apply(delta(1n, 1n))).toBeUndefined();
    expect(store.apply(delta(1n, 1n, [], { session: 'b' }))).toEqual([]);
  });
});
