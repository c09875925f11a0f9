import { PluginError } from '@berth/sdk/errors';

/** The client's own: nothing outside is named by them. */
const free = new Set(['labels', 'annotations']);

/**
 * Throws INVALID_ARGUMENT, naming the field, if a text of `message` has a NUL character, which no path, name, argument or variable can
 * have: the kernel would take what stands before it. `object` names who asks.
 */
export function checkText(message: object, object: string): void {
  const field = fieldWithNul(message, '');
  if (field !== undefined) throw new PluginError('INVALID_ARGUMENT', `${field} has a NUL character in it`, { object });
}

function fieldWithNul(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return value.includes('\0') ? path : undefined;
  if (value instanceof Uint8Array) return value.includes(0) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    if (free.has(key)) continue;
    if (key.includes('\0')) return path;
    const found = fieldWithNul(item, Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
