import { randomBytes } from 'node:crypto';
import { PluginError } from '@berth/sdk/errors';

/** 64 hexadecimal digits, as container runtimes give. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

/**
 * The object that `reference` names: a whole id, or the unique start of one. Undefined if there is none; anything that
 * isn't hexadecimal names nothing, so that no path ever reaches the file system.
 */
export function findById<Item>(items: ReadonlyMap<string, Item>, reference: string, kind: string): Item | undefined {
  const exact = items.get(reference);
  if (exact || !/^[0-9a-f]+$/.test(reference)) return exact;
  const matches = [...items].filter(([id]) => id.startsWith(reference));
  if (matches.length < 2) return matches[0]?.[1];
  throw new PluginError('INVALID_ARGUMENT', `${matches.length} ids start with it`, {
    object: `${kind} ${reference}`,
    hint: 'give more digits',
  });
}

export function notFound(kind: string, reference: string): PluginError {
  return new PluginError('NOT_FOUND', 'there is none with this id', { object: `${kind} ${JSON.stringify(reference)}` });
}

/** Milliseconds since the epoch to CRI's nanoseconds; 0 for what hasn't happened. */
export function nanoseconds(milliseconds: number | undefined): bigint {
  return milliseconds === undefined ? 0n : BigInt(Math.round(milliseconds * 1000)) * 1000n;
}

/** Whether every label of `selector` is among `labels`. */
export function matchesLabels(labels: Record<string, string>, selector: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
