import { describe, expect, it } from 'vitest';
import { matchesNodeLabels, matchesNodeSelector, matchesNodeSelectorTerm } from './node-selector.ts';
import type { Node, NodeSelectorRequirement } from './objects.ts';

const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { zone: 'a', cores: '8' } } };
const term = (...matchExpressions: NodeSelectorRequirement[]) => ({ matchExpressions });

describe('matchesNodeLabels', () => {
  it('asks for every label with its value; nothing asked for is always there', () => {
    expect(matchesNodeLabels(node, { zone: 'a', cores: '8' })).toBe(true);
    expect(matchesNodeLabels(node, { zone: 'b' })).toBe(false);
    expect(matchesNodeLabels(node, { toString: 'a' })).toBe(false);
    expect(matchesNodeLabels(node, undefined)).toBe(true);
  });
});

describe('matchesNodeSelectorTerm', () => {
  it.each<[boolean, NodeSelectorRequirement]>([
    [true, { key: 'zone', operator: 'In', values: ['a', 'b'] }],
    [false, { key: 'disk', operator: 'In', values: ['ssd'] }],
    [false, { key: 'zone', operator: 'NotIn', values: ['a'] }],
    [true, { key: 'disk', operator: 'NotIn', values: ['ssd'] }],
    [true, { key: 'zone', operator: 'Exists' }],
    [false, { key: 'zone', operator: 'DoesNotExist' }],
    [true, { key: 'cores', operator: 'Gt', values: ['7'] }],
    [false, { key: 'cores', operator: 'Gt', values: ['8'] }],
    [true, { key: 'cores', operator: 'Lt', values: ['9'] }],
    [false, { key: 'zone', operator: 'Gt', values: ['1'] }],
    [false, { key: 'cores', operator: 'Lt', values: ['9223372036854775808'] }],
    [false, { key: 'zone', operator: 'Like' as 'In', values: ['a'] }],
  ])('is %s for %j', (expected, requirement) => {
    expect(matchesNodeSelectorTerm(node, term(requirement))).toBe(expected);
  });

  it('knows the name of the node as a field', () => {
    const named = (operator: 'In' | 'NotIn', ...values: string[]) => ({ matchFields: [{ key: 'metadata.name', operator, values }] });
    expect(matchesNodeSelectorTerm(node, named('In', 'n1'))).toBe(true);
    expect(matchesNodeSelectorTerm(node, named('NotIn', 'n1'))).toBe(false);
    expect(matchesNodeSelectorTerm(node, named('In', 'n1', 'n2'))).toBe(false);
  });

  it('asks for all of its requirements', () => {
    const both = term({ key: 'zone', operator: 'Exists' }, { key: 'disk', operator: 'Exists' });
    expect(matchesNodeSelectorTerm(node, both)).toBe(false);
  });
});

describe('matchesNodeSelector', () => {
  it('asks for one of its terms; an empty one matches no node', () => {
    const zone = term({ key: 'zone', operator: 'Exists' });
    expect(matchesNodeSelector(node, { nodeSelectorTerms: [{}, zone] })).toBe(true);
    expect(matchesNodeSelector(node, { nodeSelectorTerms: [{}] })).toBe(false);
    expect(matchesNodeSelector(node, { nodeSelectorTerms: [] })).toBe(false);
  });
});
