import { checkLabelValue, checkQualifiedName } from '../names.ts';
import type { Node, Taint } from '../objects.ts';
import { Quantity } from '../quantity.ts';
import { checkEach, checkSupported, duplicate, type FieldError, invalid, invalidFor, required } from './field-error.ts';

type Amounts = NonNullable<NonNullable<Node['status']>['allocatable']>;

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

export function validateTaints(taints: Taint[] | undefined, path: string): FieldError[] {
  return [
    ...checkEach(path, taints, ({ key, value = '', effect }, at) => [
      ...(key ? invalidFor(`${at}.key`, key, checkQualifiedName(key)) : [required(`${at}.key`)]),
      ...invalidFor(`${at}.value`, value, checkLabelValue(value)),
      ...(effect ? checkSupported(`${at}.effect`, effect, effects) : [required(`${at}.effect`)]),
    ]),
    ...repeated(taints ?? [], path),
  ];
}

/** Capacity or allocatable: any resource that has a name, in amounts of zero or more. */
export function validateNodeAmounts(amounts: Amounts | undefined, path: string): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, amount]) => [
    ...invalidFor(`${path}[${name}]`, name, checkQualifiedName(name)),
    ...(Quantity.parse(amount).compare(Quantity.zero) < 0
      ? [invalid(`${path}[${name}]`, amount, 'must be greater than or equal to 0')]
      : []),
  ]);
}

/** A key may stand once with each effect. */
function repeated(taints: Taint[], path: string): FieldError[] {
  const seen = new Set<string>();
  return taints.flatMap(({ key, effect }, index) => {
    const pair = `${key}:${effect}`;
    return seen.size < seen.add(pair).size ? [] : [duplicate(`${path}[${index}]`, pair)];
  });
}
