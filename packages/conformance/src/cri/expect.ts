import { type Code, PluginError } from '@berth/sdk/errors';

/** Throws unless the values are the same; `what` says what should have been so. */
export function expectEqual<Value>(actual: Value, expected: Value, what: string): void {
  if (!Object.is(actual, expected)) throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}

export function expectTrue(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Throws unless the call is refused, with one of `codes` if any are given. */
export async function expectRefused(call: Promise<unknown>, what: string, ...codes: Code[]): Promise<void> {
  let refusal: PluginError;
  try {
    await call;
  } catch (error) {
    refusal = PluginError.from(error);
    if (codes.length > 0 && !codes.includes(refusal.code))
      throw new Error(`${what}: expected ${codes.join(' or ')}, got ${refusal.code}: ${refusal.message}`);
    return;
  }
  throw new Error(`${what}: the call succeeded`);
}
