import type { Affinity, NodeSelectorTerm } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makeNode, makePod, stateOf } from '../../testing/objects.ts';
import { CycleState } from '../cycle-state.ts';
import { podInfo } from '../pod-info.ts';
import { NodeAffinity } from './node-affinity.ts';

const plugin = new NodeAffinity();
const state = new CycleState();
const ssd = stateOf(makeNode('n1', { labels: { disk: 'ssd', zone: 'a' } }));
const hdd = stateOf(makeNode('n2', { labels: { disk: 'hdd', zone: 'a' } }));
const mismatch = { code: 'UnschedulableAndUnresolvable', reasons: ["node(s) didn't match Pod's node affinity/selector"] };

const required = (...nodeSelectorTerms: NodeSelectorTerm[]): Affinity => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
});
const named = (...values: string[]): NodeSelectorTerm => ({ matchFields: [{ key: 'metadata.name', operator: 'In', values }] });

describe('Filter', () => {
  it('keeps to the nodeSelector', () => {
    const pod = podInfo(makePod('pod', { nodeSelector: { disk: 'ssd' } }));
    expect(plugin.filter(state, pod, ssd)).toBeUndefined();
    expect(plugin.filter(state, pod, hdd)).toEqual(mismatch);
  });

  it('asks for the nodeSelector and one of the required terms', () => {
    const affinity = required(
      { matchExpressions: [{ key: 'disk', operator: 'In', values: ['hdd'] }] },
      { matchExpressions: [{ key: 'disk', operator: 'DoesNotExist' }] },
    );
    expect(plugin.filter(state, podInfo(makePod('pod', { affinity })), hdd)).toBeUndefined();
    expect(plugin.filter(state, podInfo(makePod('pod', { affinity })), ssd)).toEqual(mismatch);
    expect(plugin.filter(state, podInfo(makePod('pod', { affinity, nodeSelector: { zone: 'b' } })), hdd)).toEqual(mismatch);
  });
});

describe('PreFilter', () => {
  it('has nothing to filter for a pod that asks for nothing', () => {
    expect(plugin.preFilter(state, podInfo(makePod('pod')))).toEqual({ skip: true });
  });

  it('names the nodes if every term does', () => {
    const affinity = required(named('n1'), named('n2'));
    expect(plugin.preFilter(state, podInfo(makePod('pod', { affinity })))).toEqual({ nodeNames: new Set(['n1', 'n2']) });
  });

  it('names none if a term allows others', () => {
    const affinity = required(named('n1'), { matchExpressions: [{ key: 'disk', operator: 'Exists' }] });
    expect(plugin.preFilter(state, podInfo(makePod('pod', { affinity })))).toEqual({ nodeNames: undefined });
  });

  it('refuses terms that no node can satisfy', () => {
    const affinity = required({ matchFields: [...(named('n1').matchFields ?? []), ...(named('n2').matchFields ?? [])] });
    expect(plugin.preFilter(state, podInfo(makePod('pod', { affinity })))).toEqual({
      code: 'UnschedulableAndUnresolvable',
      reasons: ['pod affinity terms conflict'],
    });
  });
});

describe('Score', () => {
  const preferred = (weight: number, value: string) => ({
    weight,
    preference: { matchExpressions: [{ key: 'disk', operator: 'In' as const, values: [value] }] },
  });
  const affinity: Affinity = {
    nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preferred(30, 'ssd'), preferred(10, 'hdd')] },
  };
  const pod = podInfo(makePod('pod', { affinity }));

  it('adds the weights of the preferences that a node satisfies, the best being 100', () => {
    const scores = [ssd, hdd].map((node) => plugin.score(state, pod, node));
    expect(scores).toEqual([30, 10]);
    expect(plugin.normalizeScores(state, pod, scores)).toEqual([100, 33]);
  });

  it('says nothing about a pod without preferences', () => {
    expect(plugin.preScore(state, podInfo(makePod('pod')))).toEqual({ skip: true });
    expect(plugin.preScore(state, pod)).toEqual({ skip: false });
  });
});

describe('an event', () => {
  const [events] = plugin.eventsToRegister();
  const pod = podInfo(makePod('pod', { nodeSelector: { disk: 'ssd' } }));

  it('helps if the node suits', () => {
    expect(events?.hint?.(pod, { resource: 'Node', action: 'Add', node: ssd })).toBe(true);
    expect(events?.hint?.(pod, { resource: 'Node', action: 'Add', node: hdd })).toBe(false);
  });
});
