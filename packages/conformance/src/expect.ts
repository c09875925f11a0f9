import { shortened } from '@berth/sdk/quoted';

/** Throws unless the values are the same; `what` says what should have been so. */
export function expectEqual<Value>(actual: Value, expected: Value, what: string): void {
  if (!Object.is(actual, expected)) throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}

/** The same for values with parts. */
export function expectSame(actual: unknown, expected: unknown, what: string): void {
  expectEqual(JSON.stringify(actual), JSON.stringify(expected), what);
}

export function expectTrue(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Throws unless all of these are there; names those that are not. */
export function expectAllIn(wanted: string[], there: string[], what: string): void {
  const missing = wanted.filter((one) => !there.includes(one));
  expectTrue(missing.length === 0, `${what}: ${listed(missing)}`);
}

/** Throws unless each value is there once; names those that are there again. */
export function expectDistinct(values: string[], what: string): void {
  const repeated = new Set(values.filter((value, index) => values.indexOf(value) !== index));
  expectTrue(repeated.size === 0, `${what}: ${listed([...repeated])}`);
}

/** Throws unless the text matches. */
export function expectMatch(actual: string, pattern: RegExp, what: string): void {
  if (!pattern.test(actual)) throw new Error(`${what}: expected ${pattern}, got ${JSON.stringify(actual)}`);
}

/** The value, or a failure that says what is missing. */
export function present<Value>(value: Value | null | undefined, what: string): Value {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}

const mostListed = 16;

function listed(values: string[]): string {
  const more = values.length > mostListed ? ` and ${values.length - mostListed} more` : '';
  return `${values.slice(0, mostListed).map(shortened).join(', ')}${more}`;
}
