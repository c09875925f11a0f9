import { describe, expect, it } from 'vitest';
import type { ResourceHints, TopologyHint } from './hint-provider.ts';
import { closestNodes, lowestNodes } from './merge-hints.ts';
import { decide } from './policies.ts';

const hint = (affinity: number | undefined, preferred: boolean): TopologyHint => ({ affinity, preferred });
const one: TopologyHint[] = [hint(0b01, true), hint(0b10, true), hint(0b11, false)];
const second: TopologyHint[] = [hint(0b10, true), hint(0b11, false)];
const both: TopologyHint[] = [hint(0b11, true)];
const provider = (...resources: (TopologyHint[] | undefined)[]): ResourceHints =>
  new Map(resources.map((list, index) => [`r${index}`, list]));

describe('the policies', () => {
  it.each<[what: string, hints: ResourceHints[], merged: TopologyHint, restricted: boolean, single: TopologyHint, admitted: boolean]>([
    ['no provider has a preference', [provider(), provider(undefined)], hint(0b11, true), true, hint(undefined, true), true],
    ['one provider prefers a node', [provider(one), provider()], hint(0b01, true), true, hint(0b01, true), true],
    ['both prefer the same node', [provider(one), provider(second)], hint(0b10, true), true, hint(0b10, true), true],
    ['two resources of one provider', [provider(one, second)], hint(0b10, true), true, hint(0b10, true), true],
    ['one needs both nodes', [provider(both)], hint(0b11, true), true, hint(undefined, false), false],
    [
      'one needs both nodes and the other one of them',
      [provider(both), provider(one)],
      hint(0b11, false),
      false,
      hint(undefined, false),
      false,
    ],
    [
      'they prefer different nodes',
      [provider([hint(0b01, true)]), provider([hint(0b10, true)])],
      hint(0b11, false),
      false,
      hint(undefined, false),
      false,
    ],
    ['a resource can not be had', [provider([]), provider(one)], hint(0b01, false), false, hint(undefined, false), false],
    ['nothing is preferred', [provider([hint(0b10, false), hint(0b11, false)])], hint(0b10, false), false, hint(undefined, false), false],
  ])('%s', (_, hints, merged, restricted, single, admitted) => {
    expect(decide('none', hints, 0b11, lowestNodes)).toEqual({ hint: hint(undefined, false), admitted: true });
    expect(decide('best-effort', hints, 0b11, lowestNodes)).toEqual({ hint: merged, admitted: true });
    expect(decide('restricted', hints, 0b11, lowestNodes)).toEqual({ hint: merged, admitted: restricted });
    expect(decide('single-numa-node', hints, 0b11, lowestNodes)).toEqual({ hint: single, admitted });
  });

  it('of unpreferred ways the one with as many nodes as are needed at least is best', () => {
    const needsTwo = [0b0011, 0b1100].map((mask) => hint(mask, false));
    const any = [0b0001, 0b1111].map((mask) => hint(mask, false));
    expect(decide('best-effort', [provider(needsTwo), provider(any)], 0b1111, lowestNodes).hint).toEqual(hint(0b0011, false));
  });

  it('prefer-closest-numa-nodes takes nodes that are near to each other', () => {
    const distances = [
      [10, 20, 12],
      [20, 10, 20],
      [12, 20, 10],
    ];
    const pairs = provider([hint(0b011, true), hint(0b101, true)]);
    const near = closestNodes((from, to) => distances[from]?.[to] ?? 0);
    expect(decide('restricted', [pairs], 0b111, lowestNodes).hint.affinity).toBe(0b011);
    expect(decide('restricted', [pairs], 0b111, near).hint.affinity).toBe(0b101);
  });

  it('eight nodes and four resources are merged without an explosion', () => {
    const all = Array.from({ length: 255 }, (_, index) => hint(index + 1, false));
    expect(decide('best-effort', [provider(all, all), provider(all, all)], 255, lowestNodes).hint).toEqual(hint(1, false));
  });
});
