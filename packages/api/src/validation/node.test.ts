import { describe, expect, it } from 'vitest';
import type { Node } from '../objects.ts';
import { validateNode } from '../validation.ts';
import { formatFieldError } from './field-error.ts';

const errorsOf = (node: Partial<Node>) =>
  validateNode({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, ...node } as Node).map(formatFieldError);

describe('validateNode', () => {
  it('accepts a node as a kubelet would tell of it', () => {
    const spec = {
      taints: [
        { key: 'a', effect: 'NoSchedule' as const },
        { key: 'a', effect: 'NoExecute' as const },
      ],
    };
    expect(errorsOf({ spec, status: { capacity: { cpu: '4', 'nvidia.com/gpu': '1' }, allocatable: { cpu: '3500m' } } })).toEqual([]);
  });

  it.each<[string, Partial<Node>]>([
    [
      'spec.taints[0].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"',
      { spec: { taints: [{ key: 'a', effect: 'Never' as 'NoSchedule' }] } },
    ],
    ['spec.taints[0].key: Required value', { spec: { taints: [{ key: '', effect: 'NoSchedule' }] } }],
    [
      'spec.taints[1]: Duplicate value: "a:NoSchedule"',
      {
        spec: {
          taints: [
            { key: 'a', effect: 'NoSchedule' },
            { key: 'a', value: 'b', effect: 'NoSchedule' },
          ],
        },
      },
    ],
    ['status.allocatable[cpu]: Invalid value: "-1": must be greater than or equal to 0', { status: { allocatable: { cpu: '-1' } } }],
  ])('tells: %s', (error, node) => {
    expect(errorsOf(node)).toEqual([error]);
  });

  it('tells of a value that has not the shape of a Node', () => {
    expect(errorsOf({ spec: { taints: 'all' as never } })).toEqual([expect.stringMatching(/^spec\.taints: /)]);
    expect(errorsOf({ status: { allocatable: { cpu: 'many' } } })).toEqual([expect.stringMatching(/^status\.allocatable\[cpu\]: /)]);
  });
});
