import { describe, expect, it } from 'vitest';
import { makeNode, makePod, stateOf } from '../../testing/objects.ts';
import { CycleState } from '../cycle-state.ts';
import { podInfo } from '../pod-info.ts';
import { NodeUnschedulable } from './node-unschedulable.ts';

const state = new CycleState();

describe('NodeUnschedulable', () => {
  it('keeps pods off a cordoned node unless they tolerate that', () => {
    const [plugin, node] = [new NodeUnschedulable(), stateOf(makeNode('n1', { unschedulable: true }))];
    expect(plugin.filter(state, podInfo(makePod('pod')), node)?.reasons).toEqual(['node(s) were unschedulable']);
    const tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' as const }];
    expect(plugin.filter(state, podInfo(makePod('pod', { tolerations })), node)).toBeUndefined();
  });
});
