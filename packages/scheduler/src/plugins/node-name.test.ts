import { describe, expect, it } from 'vitest';
import { makeNode, makePod, stateOf } from '../../testing/objects.ts';
import { CycleState } from '../cycle-state.ts';
import { podInfo } from '../pod-info.ts';
import { NodeName } from './node-name.ts';

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
