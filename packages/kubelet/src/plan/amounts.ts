import type { ResourceRequirements } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';

/** What can be changed in place. */
const resizable = ['cpu', 'memory'] as const;
/** A resource that can be changed in place. */
export type Resizable = (typeof resizable)[number];

/** The resources of which two readings differ, in request or limit; what can't be changed in place doesn't count. */
export function changedAmounts(a: ResourceRequirements | undefined, b: ResourceRequirements | undefined): Resizable[] {
  return resizable.filter((name) => (['requests', 'limits'] as const).some((kind) => !isSame(a?.[kind]?.[name], b?.[kind]?.[name])));
}

/** A limit or request in base units; undefined where there is none, or none that can be read. */
export function amountOf(resources: ResourceRequirements | undefined, kind: 'requests' | 'limits', name: string): Quantity | undefined {
  const text = resources?.[kind]?.[name];
  const quantity = text === undefined ? undefined : Quantity.tryParse(text as string | number);
  return quantity instanceof Quantity ? quantity : undefined;
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) return a === b;
  const [first, second] = [Quantity.tryParse(a as string), Quantity.tryParse(b as string)];
  return first instanceof Quantity && second instanceof Quantity ? first.compare(second) === 0 : a === b;
}
