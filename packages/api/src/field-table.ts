import type { FieldType } from './field-type.ts';
import { kinds, types } from './gen/fields.ts';
import { nearestName } from './nearest-name.ts';
import { Quantity, QuantityError } from './quantity.ts';
import { type FieldError, invalid } from './validation/field-error.ts';

/** Deeper values can't be of any Kubernetes kind; a value that contains itself ends here too. */
const maxDepth = 64;
const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** A value in the shape of its type, and what kept it from that shape. */
export interface Conformed {
  /** A copy without nulls and without the fields that errors were found in. */
  value: unknown;
  errors: FieldError[];
}

/** The kinds whose fields are known, as `apiVersion/kind`. */
export function knownKinds(): string[] {
  return Object.keys(kinds);
}

/** Whether the fields of a kind are known. */
export function isKnownKind(apiVersion: string, kind: string): boolean {
  return Object.hasOwn(kinds, `${apiVersion}/${kind}`);
}

/**
 * Checks an object of a known kind against its fields, the way the API server decodes it strictly: unknown fields and wrong types
 * are errors, null is an absent field, quantities become strings. Never throws.
 */
export function conformObject(value: unknown, apiVersion: string, kind: string): Conformed {
  const errors: FieldError[] = [];
  const object = kinds[`${apiVersion}/${kind}`];
  if (object === undefined) return { value: undefined, errors: [typeError('', `unknown kind ${apiVersion} ${kind}`)] };
  return { value: conform(value, { object }, '', 0, errors), errors };
}

function conform(value: unknown, type: FieldType, path: string, depth: number, errors: FieldError[]): unknown {
  if (depth > maxDepth) return refuse(errors, typeError(path, 'is nested too deep'));
  if (typeof type === 'string') return conformScalar(value, type, path, errors);
  if ('list' in type) return conformList(value, type.list, path, depth, errors);
  if ('map' in type) return conformMap(value, type.map, path, depth, errors);
  return conformFields(value, types[type.object] ?? {}, path, depth, errors);
}

function conformList(value: unknown, item: FieldType, path: string, depth: number, errors: FieldError[]): unknown {
  if (!Array.isArray(value)) return refuse(errors, typeError(path, 'must be a list'));
  return value.map((each, index) => conform(each, item, `${path}[${index}]`, depth + 1, errors)).filter((each) => each !== undefined);
}

function conformMap(value: unknown, item: FieldType, path: string, depth: number, errors: FieldError[]): unknown {
  if (!isRecord(value)) return refuse(errors, typeError(path, 'must be a map'));
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => [
    key,
    each === null && item === 'string' ? '' : conform(each, item, `${path}[${key}]`, depth + 1, errors),
  ]);
  return Object.fromEntries(entries.filter(([, each]) => each !== undefined));
}

function conformFields(value: unknown, fields: Record<string, FieldType>, path: string, depth: number, errors: FieldError[]): unknown {
  if (!isRecord(value)) return refuse(errors, typeError(path, 'must be a map of fields'));
  const entries: [string, unknown][] = [];
  for (const [name, each] of Object.entries(value)) {
    const at = path ? `${path}.${name}` : name;
    const type = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (type === undefined) errors.push(unknownField(at, name, Object.keys(fields)));
    else if (each !== null && each !== undefined) entries.push([name, conform(each, type, at, depth + 1, errors)]);
  }
  return Object.fromEntries(entries.filter(([, each]) => each !== undefined));
}

function conformScalar(value: unknown, type: FieldType & string, path: string, errors: FieldError[]): unknown {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : refuse(errors, typeError(path, `must be a string${quotingHint(value)}`));
    case 'boolean':
      return typeof value === 'boolean' ? value : refuse(errors, typeError(path, 'must be true or false'));
    case 'integer':
      return integerOf(value) ?? refuse(errors, typeError(path, 'must be a whole number'));
    case 'int-or-string':
      return typeof value === 'string'
        ? value
        : (integerOf(value) ?? refuse(errors, typeError(path, 'must be a whole number or a string')));
    case 'time':
      if (typeof value === 'string' && timeForm.test(value)) return value;
      return refuse(errors, typeError(path, 'must be a time such as 2006-01-02T15:04:05Z'));
    case 'quantity':
      return conformQuantity(value, path, errors);
    case 'any':
      return conformAny(value, path, errors);
  }
}

function conformQuantity(value: unknown, path: string, errors: FieldError[]): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') {
    return refuse(errors, typeError(path, 'must be a quantity such as 500m or 1.5Gi'));
  }
  const quantity = Quantity.tryParse(String(value));
  return quantity instanceof QuantityError ? refuse(errors, invalid(path, String(value), quantity.message)) : String(value);
}

function conformAny(value: unknown, path: string, errors: FieldError[], around: readonly unknown[] = []): unknown {
  if (around.length > maxDepth || around.includes(value)) return refuse(errors, typeError(path, 'is nested too deep'));
  const inside = [...around, value];
  if (Array.isArray(value)) return value.map((each, index) => conformAny(each, `${path}[${index}]`, errors, inside));
  if (isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, conformAny(each, `${path}.${key}`, errors, inside)]));
  }
  return typeof value === 'bigint' ? (integerOf(value) ?? String(value)) : value;
}

function refuse(errors: FieldError[], error: FieldError): undefined {
  errors.push(error);
  return undefined;
}

function typeError(path: string, message: string): FieldError {
  return { reason: 'TypeInvalid', path, message };
}

function unknownField(path: string, name: string, known: string[]): FieldError {
  const near = nearestName(name, known);
  return { reason: 'UnknownField', path, message: `Unknown field${near === undefined ? '' : `; did you mean "${near}"?`}` };
}

/** YAML reads an unquoted 1 or yes as no string. */
function quotingHint(value: unknown): string {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? '; put it in quotes' : '';
}

function integerOf(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
