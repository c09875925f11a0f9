import { describe, expect, it } from 'vitest';
import { makeNode, makePod, stateOf } from '../../testing/objects.ts';
import { CycleState } from '../cycle-state.ts';
import { podInfo } from '../pod-info.ts';
import { NodeResourcesFit, nodeResourcesFitArgs } from './node-resources-fit.ts';

const state = new CycleState();
const plugin = new NodeResourcesFit();
const podOf = (requests: Record<string, string>) => podInfo(makePod('pod', { requests }));

describe('Filter', () => {
  const node = stateOf(makeNode('n1', { allocatable: { 'berth.dev/lamp': '2' } }), [makePod('other', { requests: { cpu: '3' } })]);

  it('takes a pod that just fits', () => {
    expect(plugin.filter(state, podOf({ cpu: '1', memory: '8Gi', 'berth.dev/lamp': '2' }), node)).toBeUndefined();
  });

  it('names every resource that is short; others could make room', () => {
    const full = stateOf(makeNode('n1'), [makePod('other', { requests: { cpu: '3', memory: '8Gi' } })]);
    expect(plugin.filter(state, podOf({ cpu: '1001m', memory: '1' }), full)).toEqual({
      code: 'Unschedulable',
      reasons: ['Insufficient cpu', 'Insufficient memory'],
    });
  });

  it('knows when nobody could make room', () => {
    expect(plugin.filter(state, podOf({ cpu: '5' }), node)).toEqual({
      code: 'UnschedulableAndUnresolvable',
      reasons: ['Insufficient cpu'],
    });
    expect(plugin.filter(state, podOf({ 'nvidia.com/gpu': '1' }), node)?.reasons).toEqual(['Insufficient nvidia.com/gpu']);
  });

  it('counts pods', () => {
    const full = stateOf(makeNode('n1', { allocatable: { pods: '1' } }), [makePod('other')]);
    expect(plugin.filter(state, podOf({}), full)).toEqual({ code: 'Unschedulable', reasons: ['Too many pods'] });
  });

  it('looks past extended resources that others look after', () => {
    const args = nodeResourcesFitArgs.parse({ ignoredResources: ['a.dev/x'], ignoredResourceGroups: ['b.dev'] });
    const pod = podOf({ 'a.dev/x': '1', 'b.dev/y': '1', 'c.dev/z': '1' });
    expect(new NodeResourcesFit(args).filter(state, pod, node)?.reasons).toEqual(['Insufficient c.dev/z']);
  });
});

describe('Score', () => {
  const pod = podOf({ cpu: '1', memory: '2Gi' });
  const empty = stateOf(makeNode('n1'));
  const half = stateOf(makeNode('n2'), [makePod('other', { requests: { cpu: '2', memory: '4Gi' } })]);

  it('prefers the emptier node', () => {
    expect(plugin.score(state, pod, empty)).toBe(75);
    expect(plugin.score(state, pod, half)).toBe(25);
  });

  it('prefers the fuller one with MostAllocated', () => {
    const packing = new NodeResourcesFit(nodeResourcesFitArgs.parse({ scoringStrategy: { type: 'MostAllocated' } }));
    expect(packing.score(state, pod, empty)).toBe(25);
    expect(packing.score(state, pod, half)).toBe(75);
  });

  it('weighs the resources', () => {
    const resources = [{ name: 'cpu', weight: 3 }, { name: 'memory' }];
    const weighing = new NodeResourcesFit(nodeResourcesFitArgs.parse({ scoringStrategy: { resources } }));
    expect(weighing.score(state, podOf({ cpu: '2', memory: '8Gi' }), empty)).toBe(37);
  });

  it('counts a pod that requests nothing as 100m and 200Mi, so that such pods are spread too', () => {
    const node = stateOf(makeNode('n1', { allocatable: { cpu: '1', memory: '2000Mi' } }), [makePod('other')]);
    expect(plugin.score(state, podOf({}), node)).toBe(80);
  });
});

describe('an event', () => {
  const hint = plugin.eventsToRegister().find(({ resource }) => resource === 'Node')?.hint;

  it('helps if the node is large enough', () => {
    expect(hint?.(podOf({ cpu: '4' }), { resource: 'Node', action: 'Add', node: stateOf(makeNode('n1')) })).toBe(true);
    expect(hint?.(podOf({ cpu: '5' }), { resource: 'Node', action: 'Add', node: stateOf(makeNode('n1')) })).toBe(false);
  });
});
