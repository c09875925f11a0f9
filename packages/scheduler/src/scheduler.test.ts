import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeNode, makePod } from '../testing/objects.ts';
import { profileOf } from '../testing/profile.ts';
import { TestCluster } from '../testing/test-cluster.ts';
import type { AnyPlugin } from './framework.ts';
import { NodeResourcesFit } from './plugins/node-resources-fit.ts';
import { Scheduler } from './scheduler.ts';
import type { Verdict } from './verdict.ts';

const signal = new AbortController().signal;

let cluster: TestCluster;

beforeEach(() => {
  cluster = new TestCluster();
});

const resources = () => new NodeResourcesFit() as AnyPlugin;
const cpu = (name: string, amount: string) => makePod(name, { requests: { cpu: amount } });

describe('a pod', () => {
  it('goes to the node of the greatest weighted score, and the next one sees it there', async () => {
    await cluster.place(cluster.schedulerWith(resources()), cpu('a', '2'), cpu('b', '2'), cpu('c', '2'), cpu('d', '2'));
    expect(cluster.binder.bound).toEqual([
      ['a', 'n1'],
      ['b', 'n2'],
      ['c', 'n3'],
      ['d', 'n1'],
    ]);
    expect(cluster.verdicts[3]).toMatchObject({ outcome: 'Scheduled', nodeName: 'n1', message: 'Successfully assigned default/d to n1' });
    expect(cluster.verdicts[3]?.scores).toEqual([{ plugin: 'NodeResourcesFit', weight: 1, raw: [47, 47, 47], normalized: [47, 47, 47] }]);
  });

  it("that fits nowhere is told so in kube-scheduler's words", async () => {
    const picky: AnyPlugin = {
      name: 'Picky',
      filter: (_state, _pod, { name }) =>
        name === 'n1' ? { code: 'UnschedulableAndUnresolvable', reasons: ['node(s) were n1'] } : undefined,
    };
    const [verdict] = await cluster.place(cluster.schedulerWith(picky, resources()), cpu('big', '5'));
    expect(verdict).toMatchObject({ outcome: 'Unschedulable', message: '0/3 nodes are available: 1 node(s) were n1, 2 Insufficient cpu.' });
    expect(verdict?.refusals.get('n1')).toEqual({ plugin: 'Picky', code: 'UnschedulableAndUnresolvable', reasons: ['node(s) were n1'] });
  });

  it('without any node is told so', async () => {
    const scheduler = cluster.schedulerWith(resources());
    for (const name of ['n1', 'n2', 'n3']) scheduler.removeNode(name);
    expect((await cluster.place(scheduler, makePod('a')))[0]?.message).toBe('no nodes available to schedule pods');
  });

  it('that was refused is tried again when room is made', async () => {
    const scheduler = cluster.schedulerWith(resources());
    for (const name of ['n1', 'n2', 'n3']) scheduler.setRunningPod(cpu(`on-${name}`, '3'), name);
    await cluster.place(scheduler, cpu('a', '2'));
    scheduler.removePod('default/on-n2');
    await scheduler.drain(signal);
    expect(cluster.verdicts.map(({ outcome }) => outcome)).toEqual(['Unschedulable', 'Scheduled']);
    expect(cluster.binder.bound).toEqual([['a', 'n2']]);
  });

  it('of another scheduler is left to it', async () => {
    const scheduler = cluster.schedulerWith(resources());
    expect(scheduler.setPendingPod(makePod('a', { schedulerName: 'another' }))).toBe(false);
    expect(await scheduler.scheduleOne(signal)).toBe(false);
  });

  it('that is removed while it is tried goes nowhere', async () => {
    const scheduler = cluster.schedulerWith(resources(), { name: 'Remover', preFilter: async () => void scheduler.removePod('default/a') });
    await cluster.place(scheduler, cpu('a', '4'));
    expect(cluster.verdicts).toEqual([]);
    await cluster.place(scheduler, cpu('b', '4'), cpu('c', '4'), cpu('d', '4'));
    expect(cluster.binder.bound).toEqual([
      ['b', 'n1'],
      ['c', 'n2'],
      ['d', 'n3'],
    ]);
  });
});

describe('onVerdict', () => {
  it('that throws is told to whoever waits for the bindings, and to nobody before', async () => {
    const onVerdict = () => {
      throw new Error('disk full');
    };
    const scheduler = new Scheduler({ profiles: [profileOf([], cluster.binder)], onVerdict });
    scheduler.setNode(makeNode('n1'));
    scheduler.setPendingPod(makePod('a'));
    expect(await scheduler.scheduleOne(signal)).toBe(true);
    await setImmediate();
    await expect(scheduler.settled()).rejects.toThrow('disk full');
  });
});

describe('many nodes', () => {
  it('are looked at until enough of them fit, beginning behind those of the pod before', async () => {
    const onVerdict = (verdict: Verdict) => void cluster.verdicts.push(verdict);
    const profile = { ...profileOf([resources()], cluster.binder), percentageOfNodesToScore: 50 };
    const scheduler = new Scheduler({ profiles: [profile], onVerdict, now: () => 0 });
    for (let index = 0; index < 300; index++) scheduler.setNode(makeNode(`n${index}`));
    await cluster.place(scheduler, makePod('a'), makePod('b'));
    expect(cluster.verdicts.map(({ feasible }) => [feasible.length, feasible[0]])).toEqual([
      [150, 'n0'],
      [150, 'n150'],
    ]);
  });
});
