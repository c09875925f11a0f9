import type { Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm } from './objects.ts';

/**
 * Whether a node has every label of a pod's `nodeSelector`. No selector matches every node.
 */
export function matchesNodeLabels(node: Node, selector: Record<string, string> | undefined): boolean {
  const labels = node.metadata?.labels ?? {};
  return Object.entries(selector ?? {}).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

/** Whether one of the selector's terms matches; a selector without terms matches no node (Kubernetes `NodeSelector`). */
export function matchesNodeSelector(node: Node, selector: NodeSelector): boolean {
  return (selector.nodeSelectorTerms ?? []).some((term) => matchesNodeSelectorTerm(node, term));
}

/** Whether every requirement of the term holds; a term without requirements matches no node (Kubernetes `NodeSelectorTerm`). */
export function matchesNodeSelectorTerm(node: Node, term: NodeSelectorTerm): boolean {
  if (isEmptyTerm(term)) return false;
  const labels = node.metadata?.labels ?? {};
  const fields: Record<string, string> = { 'metadata.name': node.metadata?.name ?? '' };
  return (
    (term.matchExpressions ?? []).every((requirement) => matchesRequirement(labels, requirement)) &&
    (term.matchFields ?? []).every((requirement) => matchesField(fields, requirement))
  );
}

/** A term without requirements. As a preference it says nothing. */
export function isEmptyTerm({ matchExpressions, matchFields }: NodeSelectorTerm): boolean {
  return !matchExpressions?.length && !matchFields?.length;
}

function matchesField(fields: Record<string, string>, { key, operator, values = [] }: NodeSelectorRequirement): boolean {
  const [value, ...more] = values;
  if (value === undefined || more.length > 0) return false;
  if (operator === 'In') return fields[key] === value;
  return operator === 'NotIn' && fields[key] !== value;
}

/** A requirement that can't be evaluated (an unknown operator, a bound that is no integer) holds for no node. */
function matchesRequirement(labels: Record<string, string>, { key, operator, values = [] }: NodeSelectorRequirement): boolean {
  const label = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label);
    case 'NotIn':
      return values.length > 0 && (label === undefined || !values.includes(label));
    case 'Exists':
      return label !== undefined;
    case 'DoesNotExist':
      return label === undefined;
    case 'Gt':
    case 'Lt':
      return isOrdered(label, operator, values);
    default:
      return false;
  }
}

function isOrdered(label: string | undefined, operator: 'Gt' | 'Lt', values: string[]): boolean {
  const [left, right] = [integer(label), values.length === 1 ? integer(values[0]) : undefined];
  if (left === undefined || right === undefined) return false;
  return operator === 'Gt' ? left > right : left < right;
}

const [leastInteger, greatestInteger] = [-(2n ** 63n), 2n ** 63n - 1n];

/** A 64-bit integer as Go's ParseInt reads it. */
function integer(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?\d{1,30}$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  return value < leastInteger || value > greatestInteger ? undefined : value;
}
