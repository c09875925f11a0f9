import { PluginError } from './errors.ts';
import { callObject, type OutgoingCallOptions } from './outgoing-call.ts';
import type { CallEnd, CallStart, Replacement, Tap } from './tap.ts';

type Observation = { end(result: CallEnd): void };

/** A unary call as its tap sees it: told of start and end, or put in the call's place. */
export async function tappedUnary(
  tap: Tap | undefined,
  start: CallStart,
  options: OutgoingCallOptions,
  make: () => Promise<unknown>,
): Promise<unknown> {
  const observed = tap?.call(start);
  if (observed && isReplacement(observed)) return replaced(observed, options);
  const watch = new Watch(observed);
  try {
    const response = await make();
    watch.succeeded(response);
    return response;
  } catch (thrown) {
    watch.failed(thrown);
    throw thrown;
  }
}

/** A server stream as its tap sees it: it starts with the first message asked for, and ends with the stream. */
export async function* tappedStream(
  tap: Tap | undefined,
  start: CallStart,
  options: OutgoingCallOptions,
  make: () => AsyncIterable<unknown>,
): AsyncGenerator<unknown, void> {
  const observed = tap?.call(start);
  if (observed && isReplacement(observed)) {
    yield* replaced(observed, options) as Iterable<unknown> | AsyncIterable<unknown>;
    return;
  }
  const watch = new Watch(observed);
  try {
    yield* make();
    watch.succeeded();
  } catch (thrown) {
    watch.failed(thrown);
    throw thrown;
  } finally {
    watch.stoppedEarly();
  }
}

function isReplacement(observed: Observation | Replacement): observed is Replacement {
  return 'response' in observed || 'error' in observed;
}

function replaced(replacement: Replacement, options: OutgoingCallOptions): unknown {
  if ('error' in replacement) throw PluginError.from(replacement.error, 'UNKNOWN', { object: callObject(options) });
  return replacement.response;
}

/** Tells the tap how the call ended, once. */
class Watch {
  #observed: Observation | undefined;
  readonly #startedAt = performance.now();

  constructor(observed: Observation | undefined) {
    this.#observed = observed;
  }

  succeeded(response?: unknown): void {
    this.#end({ outcome: 'OK', response });
  }

  failed(thrown: unknown): void {
    const { code, message } = PluginError.from(thrown);
    this.#end({ outcome: code, message });
  }

  stoppedEarly(): void {
    this.#end({ outcome: 'CANCELLED', message: 'the consumer stopped reading' });
  }

  #end(result: Omit<CallEnd, 'durationMs'>): void {
    const observed = this.#observed;
    this.#observed = undefined;
    observed?.end({ durationMs: performance.now() - this.#startedAt, ...result });
  }
}
