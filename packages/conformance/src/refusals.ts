import { type Code, PluginError } from '@berth/sdk/errors';
import { SkipCase } from './suite.ts';

/** What a call ends with that no server refused: it went away, hangs, or the case ended the call. */
const noAnswer: Code[] = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED'];

/** Throws unless the call is refused, with one of `codes` if any are given. */
export async function expectRefused(call: Promise<unknown>, what: string, ...codes: Code[]): Promise<void> {
  const refusal = await refusalOf(call, what);
  if (codes.length > 0 && !codes.includes(refusal.code))
    throw new Error(`${what}: expected ${codes.join(' or ')}, got ${refusal.code}: ${refusal.message}`);
  if (codes.length === 0 && noAnswer.includes(refusal.code)) throw new Error(`${what}: there was no answer: ${refusal.message}`);
}

/** What comes of something that a server may refuse: undefined if it does. Throws where there was no answer. */
export async function unlessRefused<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SkipCase || noAnswer.includes(PluginError.from(error).code)) throw error;
    return undefined;
  }
}

/** How the call was refused; throws if it succeeded. */
export async function refusalOf(call: Promise<unknown>, what: string): Promise<PluginError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof SkipCase) throw error;
    return PluginError.from(error);
  }
  throw new Error(`${what}: the call succeeded`);
}
