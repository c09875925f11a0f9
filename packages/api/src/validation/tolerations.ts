import { checkLabelValue, checkQualifiedName } from '../names.ts';
import type { Toleration } from '../objects.ts';
import { checkEach, checkSupported, type FieldError, invalid, invalidFor, unsupported } from './field-error.ts';

export function validateTolerations(tolerations: Toleration[] | undefined, path: string): FieldError[] {
  return checkEach(path, tolerations, (toleration, at) => validateToleration(toleration, at));
}

function validateToleration({ key, operator, value = '', effect, tolerationSeconds }: Toleration, path: string): FieldError[] {
  return [
    ...(key ? invalidFor(`${path}.key`, key, checkQualifiedName(key)) : []),
    ...(!key && operator !== 'Exists'
      ? [
          invalid(
            `${path}.operator`,
            operator ?? '',
            'operator must be Exists when `key` is empty, which means "match all values and all keys"',
          ),
        ]
      : []),
    ...(tolerationSeconds !== undefined && effect !== 'NoExecute'
      ? [invalid(`${path}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set")]
      : []),
    ...validateOperator(operator, value, path),
    ...(effect ? checkSupported(`${path}.effect`, effect, ['NoExecute', 'NoSchedule', 'PreferNoSchedule']) : []),
  ];
}

function validateOperator(operator: Toleration['operator'] | '', value: string, path: string): FieldError[] {
  switch (operator) {
    case undefined:
    case '':
    case 'Equal':
      return checkLabelValue(value).length > 0 ? invalidFor(`${path}.operator`, value, checkLabelValue(value)) : [];
    case 'Exists':
      return value ? [invalid(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'")] : [];
    default:
      return [unsupported(`${path}.operator`, operator, ['Equal', 'Exists'])];
  }
}
