import fc from 'fast-check';
import type { FieldType } from '../src/field-type.ts';
import { kinds, types } from '../src/gen/fields.ts';

const names = fc.oneof(
  fc.constantFrom('', 'a', 'app', 'A_b', '..', '/x', '../x', 'a/b/c', 'localhost/busybox:1', 'TCP', 'Always', 'Exists', 'In'),
  fc.string({ maxLength: 12 }),
);
const integers = fc.oneof(fc.integer({ min: -2, max: 70_000 }), fc.maxSafeInteger());

/** Any JSON value, quite likely of the wrong shape. */
export const arbitraryValue: fc.Arbitrary<unknown> = fc.jsonValue({ maxDepth: 4 });

/** An object of a known kind with every field of its type, though hardly ever a valid one. */
export function arbitraryObject(apiVersion: string, kind: string): fc.Arbitrary<Record<string, unknown>> {
  return arbitraryOf({ object: kinds[`${apiVersion}/${kind}`] ?? '' }).map((value) => ({ ...(value as object), apiVersion, kind }));
}

function arbitraryOf(type: FieldType): fc.Arbitrary<unknown> {
  if (type === 'string') return names;
  if (type === 'integer') return integers;
  if (type === 'boolean') return fc.boolean();
  if (type === 'quantity') return fc.oneof(fc.constantFrom('1', '100m', '1.5Gi', '-1', '2e3', '0'), fc.nat());
  if (type === 'int-or-string') return fc.oneof(integers, names);
  if (type === 'time') return fc.constant('2006-01-02T15:04:05Z');
  if (type === 'any') return fc.dictionary(fc.string({ maxLength: 4 }), fc.integer(), { maxKeys: 2 });
  if ('list' in type) return fc.array(arbitraryOf(type.list), { maxLength: 2 });
  if ('map' in type) return fc.dictionary(names, arbitraryOf(type.map), { maxKeys: 2 });
  const fields = Object.entries(types[type.object] ?? {}).map(([name, field]) => [name, arbitraryOf(field)]);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [] });
}
