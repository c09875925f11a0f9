import { describe, expect, it } from 'vitest';
import type { Taint, Toleration } from './objects.ts';
import { toleratesTaint, untoleratedTaints } from './tolerations.ts';

const taint: Taint = { key: 'batch', value: 'only', effect: 'NoSchedule' };

describe('toleratesTaint', () => {
  it.each<[boolean, Toleration]>([
    [true, { key: 'batch', value: 'only' }],
    [true, { key: 'batch', operator: 'Equal', value: 'only', effect: 'NoSchedule' }],
    [false, { key: 'batch', value: 'other' }],
    [false, { key: 'batch' }],
    [true, { key: 'batch', operator: 'Exists' }],
    [false, { key: 'batch', operator: 'Exists', effect: 'NoExecute' }],
    [false, { key: 'other', operator: 'Exists' }],
    [true, { operator: 'Exists' }],
  ])('is %s for %j', (expected, toleration) => {
    expect(toleratesTaint(toleration, taint)).toBe(expected);
  });
});

describe('untoleratedTaints', () => {
  it('are those of the effects asked for that no toleration holds for, in the order of the node', () => {
    const taints: Taint[] = [{ key: 'a', effect: 'PreferNoSchedule' }, taint, { key: 'b', effect: 'NoExecute' }];
    const effects = ['NoSchedule', 'NoExecute'] as const;
    expect(untoleratedTaints(taints, undefined, effects)).toEqual([taint, { key: 'b', effect: 'NoExecute' }]);
    expect(untoleratedTaints(taints, [{ key: 'batch', operator: 'Exists' }], effects)).toEqual([{ key: 'b', effect: 'NoExecute' }]);
    expect(untoleratedTaints(undefined, [], effects)).toEqual([]);
  });
});
