import type { Taint, Toleration } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makeNode, makePod, stateOf } from '../../testing/objects.ts';
import { CycleState } from '../cycle-state.ts';
import { podInfo } from '../pod-info.ts';
import { TaintToleration } from './taint-toleration.ts';

const plugin = new TaintToleration();
const podWith = (...tolerations: Toleration[]) => podInfo(makePod('pod', { tolerations }));
const nodeWith = (...taints: Taint[]) => stateOf(makeNode('n1', { taints }));

describe('Filter', () => {
  const batch: Taint = { key: 'batch', value: 'only', effect: 'NoSchedule' };

  it('names the first taint that the pod does not tolerate', () => {
    const node = nodeWith({ key: 'soft', effect: 'PreferNoSchedule' }, batch, { key: 'down', effect: 'NoExecute' });
    expect(plugin.filter(new CycleState(), podWith(), node)).toEqual({
      code: 'UnschedulableAndUnresolvable',
      reasons: ['node(s) had untolerated taint {batch: only}'],
    });
    const tolerant = podWith({ key: 'batch', operator: 'Exists' });
    expect(plugin.filter(new CycleState(), tolerant, node)?.reasons).toEqual(['node(s) had untolerated taint {down: }']);
  });

  it('lets a pod pass that tolerates all that keep pods off', () => {
    expect(plugin.filter(new CycleState(), podWith({ key: 'batch', value: 'only' }), nodeWith(batch))).toBeUndefined();
  });
});

describe('Score', () => {
  it('counts the PreferNoSchedule taints that the pod does not tolerate; the fewest are best', () => {
    const pod = podWith({ key: 'a', operator: 'Exists', effect: 'PreferNoSchedule' });
    const state = new CycleState();
    plugin.preScore(state, pod);
    const soft = (key: string): Taint => ({ key, effect: 'PreferNoSchedule' });
    const nodes = [nodeWith(soft('a')), nodeWith(soft('a'), soft('b')), nodeWith(soft('b'), soft('c'))];
    const scores = nodes.map((node) => plugin.score(state, pod, node));
    expect(scores).toEqual([0, 1, 2]);
    expect(plugin.normalizeScores(state, pod, scores)).toEqual([100, 50, 0]);
  });

  it('takes a toleration of another effect for none', () => {
    const pod = podWith({ key: 'a', operator: 'Exists', effect: 'NoSchedule' });
    const state = new CycleState();
    plugin.preScore(state, pod);
    expect(plugin.score(state, pod, nodeWith({ key: 'a', effect: 'PreferNoSchedule' }))).toBe(1);
  });
});
