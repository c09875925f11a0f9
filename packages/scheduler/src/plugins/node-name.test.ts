import { describe, expect, it } from 'vitest';
import { makeNode, makePod, stateOf } from '../../testing/objects.ts';
import { CycleState } from '../cycle-state.ts';
import { podInfo } from '../pod-info.ts';
import { NodeName } from './node-name.ts';
import { NodeUnschedulable } from './node-unschedulable.ts';
import { SchedulingGates } from './scheduling-gates.ts';

const state = new CycleState();

describe('NodeName', () => {
  it('lets a pod onto the node that it names, and no other', () => {
    const [plugin, pod] = [new NodeName(), podInfo(makePod('pod', { nodeName: 'n1' }))];
    expect(plugin.filter(state, pod, stateOf(makeNode('n1')))).toBeUndefined();
    expect(plugin.filter(state, pod, stateOf(makeNode('n2')))).toEqual({
      code: 'UnschedulableAndUnresolvable',
      reasons: ["node(s) didn't match the requested node name"],
    });
    expect(plugin.filter(state, podInfo(makePod('pod')), stateOf(makeNode('n2')))).toBeUndefined();
  });
});

describe('NodeUnschedulable', () => {
  it('keeps pods off a cordoned node unless they tolerate that', () => {
    const [plugin, node] = [new NodeUnschedulable(), stateOf(makeNode('n1', { unschedulable: true }))];
    expect(plugin.filter(state, podInfo(makePod('pod')), node)?.reasons).toEqual(['node(s) were unschedulable']);
    const tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' as const }];
    expect(plugin.filter(state, podInfo(makePod('pod', { tolerations })), node)).toBeUndefined();
  });
});

describe('SchedulingGates', () => {
  it('keeps a pod out of the queue until its gates are gone', () => {
    const schedulingGates = [{ name: 'a.dev/quota' }, { name: 'b.dev/review' }];
    expect(new SchedulingGates().preEnqueue(podInfo(makePod('pod', { schedulingGates })))?.reasons).toEqual([
      'waiting for scheduling gates: [a.dev/quota b.dev/review]',
    ]);
    expect(new SchedulingGates().preEnqueue(podInfo(makePod('pod')))).toBeUndefined();
  });
});
