/**
 * What a field of a Kubernetes object may hold, as the generated tables say it. `any` is a value that the API keeps as it is;
 * `object` names an entry of the tables; a `map` has free keys.
 */
export type FieldType =
  | 'string'
  | 'integer'
  | 'boolean'
  | 'quantity'
  | 'int-or-string'
  | 'time'
  | 'any'
  | { object: string }
  | { list: FieldType }
  | { map: FieldType };
