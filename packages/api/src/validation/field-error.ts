/** The kinds of field error that Kubernetes knows, with the two that strict decoding adds. */
export type FieldErrorReason =
  | 'Required'
  | 'Invalid'
  | 'Unsupported'
  | 'Duplicate'
  | 'Forbidden'
  | 'NotFound'
  | 'TooLong'
  | 'TooMany'
  | 'TypeInvalid'
  | 'UnknownField';

/** What is wrong with one field of an object. */
export interface FieldError {
  reason: FieldErrorReason;
  /** The field as users name it: `spec.containers[0].image`, `metadata.labels[app/name]`. Empty for the object itself. */
  path: string;
  /** Kubernetes' text for it, without the path: `Required value`. */
  message: string;
}

/** One line about a field error, as the API server writes it: `spec.containers[0].image: Required value`. */
export function formatFieldError({ path, message }: FieldError): string {
  return path ? `${path}: ${message}` : message;
}

export function required(path: string, detail = ''): FieldError {
  return { reason: 'Required', path, message: `Required value${detail && `: ${detail}`}` };
}

export function invalid(path: string, value: unknown, detail: string): FieldError {
  return { reason: 'Invalid', path, message: `Invalid value: ${quote(value)}: ${detail}` };
}

/** A value outside a fixed set. */
export function unsupported(path: string, value: unknown, supported: readonly string[]): FieldError {
  const values = [...supported].sort().map((each) => JSON.stringify(each));
  return { reason: 'Unsupported', path, message: `Unsupported value: ${quote(value)}: supported values: ${values.join(', ')}` };
}

export function duplicate(path: string, value: unknown): FieldError {
  return { reason: 'Duplicate', path, message: `Duplicate value: ${quote(value)}` };
}

export function forbidden(path: string, detail: string): FieldError {
  return { reason: 'Forbidden', path, message: `Forbidden: ${detail}` };
}

/** A reference to something that the object doesn't have. */
export function notFound(path: string, value: unknown): FieldError {
  return { reason: 'NotFound', path, message: `Not found: ${quote(value)}` };
}

export function tooLong(path: string, limit: number): FieldError {
  return { reason: 'TooLong', path, message: `Too long: may not be more than ${limit} bytes` };
}

export function tooMany(path: string, actual: number, limit: number): FieldError {
  return { reason: 'TooMany', path, message: `Too many: ${actual}: must have at most ${limit} items` };
}

/** An error for each sentence that a name check found. */
export function invalidFor(path: string, value: string | number, problems: string[]): FieldError[] {
  return problems.map((problem) => invalid(path, value, problem));
}

/** A value that must be one of a fixed set; an absent or empty one passes. */
export function checkSupported(path: string, value: string | undefined, supported: readonly string[]): FieldError[] {
  return !value || supported.includes(value) ? [] : [unsupported(path, value, supported)];
}

function quote(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

/** A count or a time that may not be below zero; an absent one passes. */
export function checkNonNegative(path: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalid(path, value, 'must be greater than or equal to 0')] : [];
}

/** A number in a range with both ends; an absent one passes. */
export function checkRange(path: string, value: number | undefined, least: number, greatest: number): FieldError[] {
  if (value === undefined || (value >= least && value <= greatest)) return [];
  return [invalid(path, value, `must be between ${least} and ${greatest}, inclusive`)];
}

/** Exactly one of the named members of an object has to be there. */
export function checkOneOf(path: string, members: object, what: string): FieldError[] {
  const given = Object.keys(members);
  if (given.length === 0) return [required(path, `must specify a ${what}`)];
  return given.slice(1).map((name) => forbidden(`${path}.${name}`, `may not specify more than 1 ${what}`));
}

/** The errors of values that occur again, at the later occurrence. */
export function checkUnique(values: Iterable<[path: string, value: string | undefined]>): FieldError[] {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [path, value] of values) {
    if (!value) continue;
    if (seen.has(value)) errors.push(duplicate(path, value));
    seen.add(value);
  }
  return errors;
}

/** Runs a check on each item of a list with its path. */
export function checkEach<T>(path: string, items: readonly T[] | undefined, check: (item: T, path: string) => FieldError[]): FieldError[] {
  return (items ?? []).flatMap((item, index) => check(item, `${path}[${index}]`));
}
