import { setImmediate } from 'node:timers/promises';
import type { Pod } from '@berth/api/objects';
import { beforeEach, describe, expect, it } from 'vitest';
import { makePod } from '../testing/objects.ts';
import { TestCluster } from '../testing/test-cluster.ts';
import { type CycleState, StateKey } from './cycle-state.ts';
import type { AnyPlugin } from './framework.ts';
import { NodeResourcesFit } from './plugins/node-resources-fit.ts';

const refusal = { code: 'Unschedulable' as const, reasons: ['not now'] };

let cluster: TestCluster;

beforeEach(() => {
  cluster = new TestCluster();
});

const resources = () => new NodeResourcesFit() as AnyPlugin;
const cpu = (name: string, amount: string) => makePod(name, { requests: { cpu: amount } });

/** Lets no more than `limit` pods run on n1 and n2, which it counts in PreFilter. */
function licences(limit: number): AnyPlugin {
  const taken = new StateKey<number>('Licences');
  const count = (state: CycleState, change: number) => state.write(taken, (state.read(taken) ?? 0) + change);
  return {
    name: 'Licences',
    preFilter: (state, _pod, { nodes }) => {
      for (const { pods } of nodes) count(state, pods.size);
      return { nodeNames: new Set(['n1', 'n2']) };
    },
    addPod: (state) => count(state, 1),
    removePod: (state) => count(state, -1),
    filter: (state) => ((state.read(taken) ?? 0) < limit ? undefined : { code: 'Unschedulable', reasons: ['no licence left'] }),
  };
}

describe('the extension points', () => {
  it('are asked in their order, and Unreserve in reverse', async () => {
    const asked: string[] = [];
    const note = <Result>(point: string, result: Result) => {
      asked.push(point);
      return result;
    };
    const every: AnyPlugin = {
      name: 'Every',
      preEnqueue: () => note('preEnqueue', undefined),
      preFilter: () => note('preFilter', undefined),
      filter: () => note('filter', undefined),
      preScore: () => note('preScore', undefined),
      score: () => note('score', 1),
      normalizeScores: (_state, _pod, scores) => note('normalize', [...scores]),
      reserve: () => note('reserve', undefined),
      unreserve: () => note('unreserve', undefined),
      permit: () => note('permit', undefined),
      preBind: async () => note('preBind', undefined),
      bind: async () => note('bind', 'skip' as const),
    };
    const last: AnyPlugin = {
      name: 'Last',
      reserve: () => note('reserve last', undefined),
      unreserve: () => note('unreserve last', undefined),
      bind: () => note('bind last', Promise.reject(new Error('the API is gone'))),
    };
    await cluster.place(cluster.schedulerWith(every, last), makePod('a'));
    const nodes = ['filter', 'filter', 'filter', 'preScore', 'score', 'score', 'score', 'normalize'];
    const reserved = ['reserve', 'reserve last', 'permit', 'preBind', 'bind', 'bind last', 'unreserve last', 'unreserve'];
    expect(asked.filter((point) => point !== 'preEnqueue')).toEqual(['preFilter', ...nodes, ...reserved]);
    expect(cluster.verdicts[0]?.message).toBe('plugin Last failed at bind: the API is gone');
  });

  it('PreFilter leaves out nodes, and a plugin that has nothing to say', async () => {
    const naming: AnyPlugin = { name: 'Naming', preFilter: () => ({ nodeNames: new Set(['n2', 'n3']) }) };
    const other: AnyPlugin = { name: 'Other', preFilter: () => ({ nodeNames: new Set(['n1', 'n2']) }) };
    const skipped: AnyPlugin = { name: 'Skipped', preFilter: () => ({ skip: true }), filter: () => refusal };
    const [verdict] = await cluster.place(cluster.schedulerWith(naming, other, skipped), makePod('a'));
    expect(verdict?.nodeName).toBe('n2');
    expect(verdict?.refusals.get('n1')?.reasons).toEqual(["node(s) didn't satisfy plugin(s) [Naming Other]"]);
  });

  it('PreFilter can refuse all nodes at once', async () => {
    const [verdict] = await cluster.place(cluster.schedulerWith({ name: 'Never', preFilter: () => refusal }), makePod('a'));
    expect(verdict?.message).toBe('0/3 nodes are available: not now.');
    expect([...(verdict?.refusals.keys() ?? [])]).toEqual(['n1', 'n2', 'n3']);
  });

  it('Score is not asked about an only node', async () => {
    const only: AnyPlugin = { name: 'Only', filter: (_state, _pod, { name }) => (name === 'n2' ? undefined : refusal) };
    const unasked: AnyPlugin = { name: 'Unasked', score: () => Number.NaN };
    expect((await cluster.place(cluster.schedulerWith(only, unasked), makePod('a')))[0]).toMatchObject({ nodeName: 'n2', scores: [] });
  });

  it('PostFilter is asked when no node is left, up to the first that can make room', async () => {
    const room: AnyPlugin = { name: 'Room', postFilter: async () => ({ nominatedNodeName: 'n3' }) };
    const cannot: AnyPlugin = { name: 'Cannot', postFilter: async () => refusal };
    const [verdict] = await cluster.place(cluster.schedulerWith({ name: 'No', filter: () => refusal }, cannot, room), makePod('a'));
    expect(verdict).toMatchObject({ outcome: 'Unschedulable', nominatedNodeName: 'n3' });
  });

  it('PostFilter can try what would be if pods of a node went or came, with what PreFilter has counted', async () => {
    const tried: unknown[] = [];
    const preemption: AnyPlugin = {
      name: 'Preemption',
      postFilter: async (_state, _pod, _refusals, dryRun) => {
        const [first, second] = [dryRun('n1'), dryRun('n2')];
        const victim = [...(first?.node.pods.values() ?? [])][0];
        if (!first || !second || !victim) return refusal;
        first.removePod(victim);
        first.removePod(victim);
        tried.push(first.node.requested.get('cpu'), first.filter(), second.filter()?.plugin);
        first.addPod(victim);
        first.addPod(victim);
        tried.push(first.node.requested.get('cpu'), first.filter()?.plugin, dryRun('n3'));
        return { nominatedNodeName: first.node.name };
      },
    };
    const scheduler = cluster.schedulerWith(licences(2), resources(), preemption);
    for (const name of ['n1', 'n2']) scheduler.setRunningPod(cpu(`on-${name}`, '1'), name);
    const [verdict] = await cluster.place(scheduler, cpu('a', '1'));
    expect(verdict?.message).toBe("0/3 nodes are available: 1 node(s) didn't satisfy plugin(s) [Licences], 2 no licence left.");
    expect(tried).toEqual([undefined, undefined, 'Licences', 1000n, 'Licences', undefined]);
    expect(verdict?.nominatedNodeName).toBe('n1');
  });

  it('PreFilter is named where it fails while PostFilter tries', async () => {
    const preemption: AnyPlugin = {
      name: 'Preemption',
      postFilter: async (_state, pod, _refusals, dryRun) => {
        dryRun('n1')?.addPod({ ...pod, uid: 'another' });
        return refusal;
      },
    };
    const faulty: AnyPlugin = {
      ...licences(0),
      addPod: () => {
        throw new Error('lost count');
      },
    };
    expect((await cluster.place(cluster.schedulerWith(faulty, preemption), makePod('a')))[0]?.failure).toEqual({
      plugin: 'Licences',
      point: 'preFilter',
      message: 'lost count',
    });
  });

  it('Reserve and Permit can refuse the chosen node: then it is free again', async () => {
    const late: AnyPlugin = { name: 'Late', permit: async (_state, pod) => (pod.pod.metadata?.name === 'a' ? refusal : undefined) };
    const scheduler = cluster.schedulerWith(resources(), late);
    await cluster.place(scheduler, cpu('a', '4'), cpu('b', '4'), cpu('c', '4'), cpu('d', '4'));
    expect(cluster.verdicts.find(({ pod }) => pod === 'default/a')?.message).toBe(
      'node n1 was chosen, but plugin Late refused it: not now',
    );
    expect(cluster.binder.bound.map(([pod]) => pod).sort()).toEqual(['b', 'c', 'd']);
  });

  it('Permit that refuses two pods has neither tried again at once for what the other leaves', async () => {
    const scheduler = cluster.schedulerWith({ name: 'Late', permit: () => refusal });
    await cluster.place(scheduler, makePod('a'), makePod('b'));
    expect(cluster.verdicts.map(({ pod }) => pod)).toEqual(['default/a', 'default/b']);
  });

  it('PreEnqueue keeps a pod out until it changes', async () => {
    const gate: AnyPlugin = { name: 'Gate', preEnqueue: ({ pod }) => (pod.metadata?.labels?.ready ? undefined : refusal) };
    const scheduler = cluster.schedulerWith(gate);
    expect(await cluster.place(scheduler, makePod('a'))).toMatchObject([{ outcome: 'Gated', message: 'not now' }]);
    expect(await cluster.place(scheduler, makePod('a', { labels: { ready: 'yes' } }))).toMatchObject([{}, { outcome: 'Scheduled' }]);
  });

  it('PreEnqueue has the last word on a pod that changed while it was tried', async () => {
    const gate: AnyPlugin = { name: 'Gate', preEnqueue: ({ pod }) => (pod.metadata?.labels?.held ? refusal : undefined) };
    const changed = makePod('a', { labels: { held: 'yes' } });
    const changing: AnyPlugin = {
      name: 'Changing',
      preFilter: () => {
        scheduler.setPendingPod(changed);
        return refusal;
      },
    };
    const scheduler = cluster.schedulerWith(gate, changing);
    expect((await cluster.place(scheduler, makePod('a'))).map(({ outcome }) => outcome)).toEqual(['Unschedulable', 'Gated']);
  });

  it('PreEnqueue that fails is asked again after the back-off of the pod', async () => {
    let broken = true;
    const gate: AnyPlugin = {
      name: 'Gate',
      preEnqueue: () => {
        if (broken) throw new Error('no quota');
        return undefined;
      },
    };
    const scheduler = cluster.schedulerWith(gate);
    await cluster.place(scheduler, makePod('a'));
    const failure = { plugin: 'Gate', point: 'preEnqueue', message: 'no quota' };
    expect(cluster.verdicts).toMatchObject([{ outcome: 'Failed', message: 'plugin Gate failed at preEnqueue: no quota', failure }]);
    for (const now of [1000, 2999]) {
      cluster.now = now;
      await cluster.place(scheduler);
    }
    expect(cluster.verdicts.map(({ outcome }) => outcome)).toEqual(['Failed', 'Failed']);
    broken = false;
    cluster.now = 3000;
    await cluster.place(scheduler);
    expect(cluster.verdicts.at(-1)).toMatchObject({ outcome: 'Scheduled', nodeName: 'n1' });
  });
});

describe('a plugin that fails', () => {
  const boom = (): never => {
    throw new Error('boom');
  };
  const onlyFor =
    <Result>(name: string, fault: () => Result) =>
    ({ metadata }: Pod) =>
      metadata?.name === name ? fault() : undefined;

  it.each<[string, AnyPlugin]>([
    ['preFilter', { name: 'Faulty', preFilter: (_state, { pod }) => onlyFor('a', boom)(pod) }],
    ['filter', { name: 'Faulty', filter: (_state, { pod }) => onlyFor('a', boom)(pod) }],
    ['preScore', { name: 'Faulty', preScore: (_state, { pod }) => onlyFor('a', boom)(pod) }],
    ['score', { name: 'Faulty', score: (_state, { pod }) => onlyFor('a', boom)(pod) ?? 0 }],
    ['reserve', { name: 'Faulty', reserve: (_state, { pod }) => onlyFor('a', boom)(pod), unreserve: boom }],
    ['permit', { name: 'Faulty', permit: (_state, { pod }) => onlyFor('a', boom)(pod) }],
    ['preBind', { name: 'Faulty', preBind: async (_state, { pod }) => onlyFor('a', boom)(pod) }],
  ])('at %s is named in the verdict of its pod, and the other pods go on with all nodes', async (point, faulty) => {
    await cluster.place(cluster.schedulerWith(resources(), faulty), cpu('a', '4'), cpu('b', '4'), cpu('c', '4'), cpu('d', '4'));
    expect(cluster.verdicts.find(({ pod }) => pod === 'default/a')).toMatchObject({
      outcome: 'Failed',
      message: `plugin Faulty failed at ${point}: boom`,
      failure: { plugin: 'Faulty', point, message: 'boom' },
    });
    expect(cluster.binder.bound.map(([pod]) => pod).sort()).toEqual(['b', 'c', 'd']);
  });

  it.each([
    ['a score over 100', () => 101, /^its score for node n1 is 101; scores have to be whole numbers between 0 and 100 after normalizing$/],
    ['a negative one', () => -1, /its score for node n1 is -1;/],
    ['no number', () => Number.NaN, /its score for node n1 is NaN;/],
  ])('with %s is named', async (_what, score, message) => {
    const [verdict] = await cluster.place(cluster.schedulerWith({ name: 'Wild', score }), makePod('a'));
    expect(verdict?.failure).toEqual({ plugin: 'Wild', point: 'score', message: expect.stringMatching(message) });
  });

  it('by normalizing away a node is named', async () => {
    const lossy: AnyPlugin = { name: 'Lossy', score: () => 1, normalizeScores: () => [1] };
    expect((await cluster.place(cluster.schedulerWith(lossy), makePod('a')))[0]?.failure?.message).toMatch(
      /it normalized the scores of 3 nodes to 1/,
    );
  });

  it('in PostBind changes nothing', async () => {
    expect((await cluster.place(cluster.schedulerWith({ name: 'Late', postBind: boom }), makePod('a')))[0]?.outcome).toBe('Scheduled');
  });
});

describe('a plugin that hangs', () => {
  const hang = () => new Promise<never>(() => undefined);

  it.each<[string, AnyPlugin]>([
    ['preFilter', { name: 'Hanging', preFilter: hang }],
    ['postFilter', { name: 'Hanging', filter: () => refusal, postFilter: hang }],
    ['preScore', { name: 'Hanging', preScore: hang, score: () => 0 }],
    ['permit', { name: 'Hanging', permit: hang }],
    ['preBind', { name: 'Hanging', preBind: hang }],
  ])('at %s holds the scheduler no longer than it lives', async (point, hanging) => {
    const ended = new AbortController();
    const scheduler = cluster.schedulerWith(hanging);
    scheduler.setPendingPod(makePod('a'));
    const drained = scheduler.drain(ended.signal);
    await setImmediate();
    ended.abort(new Error('the scheduler ends'));
    await drained;
    expect(cluster.verdicts).toMatchObject([{ outcome: 'Failed', message: `plugin Hanging failed at ${point}: the scheduler ends` }]);
  });
});
