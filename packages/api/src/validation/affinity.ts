import { checkLabelValue, checkQualifiedName } from '../names.ts';
import type { Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinity, PodAffinityTerm } from '../objects.ts';
import { checkEach, checkRange, type FieldError, forbidden, invalid, invalidFor, required } from './field-error.ts';

type LabelSelector = NonNullable<PodAffinityTerm['labelSelector']>;
type Requirement = Pick<NodeSelectorRequirement, 'key' | 'values'> & { operator: string };

export function validateAffinity({ nodeAffinity, podAffinity, podAntiAffinity }: Affinity, path: string): FieldError[] {
  return [
    ...(nodeAffinity ? validateNodeAffinity(nodeAffinity, `${path}.nodeAffinity`) : []),
    ...(podAffinity ? validatePodAffinity(podAffinity, `${path}.podAffinity`) : []),
    ...(podAntiAffinity ? validatePodAffinity(podAntiAffinity, `${path}.podAntiAffinity`) : []),
  ];
}

function validateNodeAffinity(affinity: NonNullable<Affinity['nodeAffinity']>, path: string): FieldError[] {
  const { requiredDuringSchedulingIgnoredDuringExecution: hard, preferredDuringSchedulingIgnoredDuringExecution: soft } = affinity;
  const terms = `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  return [
    ...(hard && !hard.nodeSelectorTerms?.length ? [required(terms, 'must have at least one node selector term')] : []),
    ...checkEach(terms, hard?.nodeSelectorTerms, validateNodeTerm),
    ...checkEach(`${path}.preferredDuringSchedulingIgnoredDuringExecution`, soft, ({ weight, preference }, at) => [
      ...validateWeight(weight, `${at}.weight`),
      ...validateNodeTerm(preference ?? {}, `${at}.preference`),
    ]),
  ];
}

function validateNodeTerm({ matchExpressions, matchFields }: NodeSelectorTerm, path: string): FieldError[] {
  return [
    ...checkEach(`${path}.matchExpressions`, matchExpressions, (requirement, at) => validateRequirement(requirement, at, true)),
    ...checkEach(`${path}.matchFields`, matchFields, ({ key, operator, values }, at) => [
      ...(key === 'metadata.name' ? [] : [invalid(`${at}.key`, key ?? '', 'not a valid field selector key')]),
      ...(operator === 'In' || operator === 'NotIn' ? [] : [invalid(`${at}.operator`, operator ?? '', 'not a valid selector operator')]),
      ...(values?.length === 1
        ? []
        : [required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector")]),
    ]),
  ];
}

function validatePodAffinity(affinity: PodAffinity, path: string): FieldError[] {
  const { requiredDuringSchedulingIgnoredDuringExecution: hard, preferredDuringSchedulingIgnoredDuringExecution: soft } = affinity;
  return [
    ...checkEach(`${path}.requiredDuringSchedulingIgnoredDuringExecution`, hard, validatePodTerm),
    ...checkEach(`${path}.preferredDuringSchedulingIgnoredDuringExecution`, soft, ({ weight, podAffinityTerm }, at) => [
      ...validateWeight(weight, `${at}.weight`),
      ...(podAffinityTerm ? validatePodTerm(podAffinityTerm, `${at}.podAffinityTerm`) : [required(`${at}.podAffinityTerm`)]),
    ]),
  ];
}

function validatePodTerm({ topologyKey, labelSelector, namespaceSelector }: PodAffinityTerm, path: string): FieldError[] {
  return [
    ...(labelSelector ? validateLabelSelector(labelSelector, `${path}.labelSelector`) : []),
    ...(namespaceSelector ? validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`) : []),
    ...(topologyKey
      ? invalidFor(`${path}.topologyKey`, topologyKey, checkQualifiedName(topologyKey))
      : [required(`${path}.topologyKey`, 'can not be empty')]),
  ];
}

export function validateLabelSelector({ matchLabels = {}, matchExpressions }: LabelSelector, path: string): FieldError[] {
  return [
    ...Object.entries(matchLabels).flatMap(([key, value]) => [
      ...invalidFor(`${path}.matchLabels`, key, checkQualifiedName(key)),
      ...invalidFor(`${path}.matchLabels[${key}]`, value, checkLabelValue(value)),
    ]),
    ...checkEach(`${path}.matchExpressions`, matchExpressions, (requirement, at) => validateRequirement(requirement, at, false)),
  ];
}

function validateRequirement({ key, operator, values = [] }: Requirement, path: string, ordered: boolean): FieldError[] {
  return [...invalidFor(`${path}.key`, key ?? '', checkQualifiedName(key ?? '')), ...validateOperator(operator, values, path, ordered)];
}

/** `ordered`: node labels can be compared as numbers too. */
function validateOperator(operator: string, values: string[], path: string, ordered: boolean): FieldError[] {
  const at = `${path}.values`;
  if (operator === 'In' || operator === 'NotIn')
    return values.length > 0 ? [] : [required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
  if (operator === 'Exists' || operator === 'DoesNotExist') {
    return values.length > 0 ? [forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")] : [];
  }
  if (ordered && (operator === 'Gt' || operator === 'Lt')) {
    return values.length === 1 ? [] : [required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
  }
  return [invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator')];
}

function validateWeight(weight: number | undefined, path: string): FieldError[] {
  return checkRange(path, weight ?? 0, 1, 100).map(() => invalid(path, weight ?? 0, 'must be in the range 1-100'));
}
