import { once } from 'node:events';
import type { handleServerStreamingCall, handleUnaryCall, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { onAbort } from './abort.ts';
import { PluginError } from './errors.ts';
import { toStatus } from './status.ts';
import { inTrace, newSpan, parseTraceparent } from './trace-context.ts';

/** What a handler knows of its call besides the request. */
export interface CallContext {
  /** Aborted when the client cancels, the deadline passes or the server closes. */
  signal: AbortSignal;
  /** Milliseconds since the epoch; undefined where the client set none. */
  deadline: number | undefined;
}

type UnaryCall = ServerUnaryCall<unknown, unknown>;
type StreamCall = ServerWritableStream<unknown, unknown>;

/** A unary method as grpc-js calls it, from its implementation. When `closing` aborts, so does every running call. */
export function unaryHandler(
  implementation: (request: unknown, context: CallContext) => unknown,
  closing: AbortSignal,
): handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    const context = new IncomingContext(call, closing);
    void inCallersTrace(call, async () => implementation(call.request, context))
      .then(
        (response) => callback(null, response),
        (thrown) => callback(toStatus(thrown)),
      )
      .finally(() => context.release());
  };
}

/** The same for a method that answers with a stream. */
export function serverStreamHandler(
  implementation: (request: unknown, context: CallContext) => AsyncIterable<unknown>,
  closing: AbortSignal,
): handleServerStreamingCall<unknown, unknown> {
  return (call) => {
    const context = new IncomingContext(call, closing);
    void inCallersTrace(call, () => send(implementation, call, context))
      .then(
        () => call.end(),
        (thrown) => call.emit('error', toStatus(thrown)),
      )
      .finally(() => context.release());
  };
}

/** Sends what the implementation yields, until either side ends it. */
async function send(
  implementation: (request: unknown, context: CallContext) => AsyncIterable<unknown>,
  call: StreamCall,
  context: IncomingContext,
): Promise<void> {
  const messages = implementation(call.request, context)[Symbol.asyncIterator]();
  try {
    await Promise.race([pump(messages, call, context.signal), context.aborted]);
  } catch (thrown) {
    // Not awaited: a generator that waits for something else than its signal would hold up the answer.
    messages.return?.().then(undefined, () => {});
    throw thrown;
  }
}

/** Takes messages as fast as the client takes them. */
async function pump(messages: AsyncIterator<unknown>, call: StreamCall, signal: AbortSignal): Promise<void> {
  for (let next = await messages.next(); !next.done && !signal.aborted; next = await messages.next()) {
    if (!call.write(next.value)) await once(call, 'drain', { signal });
  }
}

function inCallersTrace<T>(call: UnaryCall | StreamCall, work: () => Promise<T>): Promise<T> {
  const [traceparent] = call.metadata.get('traceparent');
  // The caller keeps the record of this call, under the span it sent: what the handler calls is a child of that.
  return inTrace(parseTraceparent(traceparent?.toString()) ?? newSpan(undefined), async () => work());
}

class IncomingContext implements CallContext {
  readonly deadline: number | undefined;
  readonly #controller = new AbortController();
  readonly #aborted = Promise.withResolvers<never>();
  readonly #stop: () => void;

  constructor(call: UnaryCall | StreamCall, closing: AbortSignal) {
    const deadline = Number(call.getDeadline());
    this.deadline = Number.isFinite(deadline) ? deadline : undefined;
    this.#aborted.promise.catch(() => {});
    this.#stop = onAbort([closing], (reason) => this.#abort(reason));
    call.once('cancelled', () => this.#abort(this.#reasonOfCancel()));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Rejects when the call is aborted. */
  get aborted(): Promise<never> {
    return this.#aborted.promise;
  }

  release(): void {
    this.#stop();
  }

  #reasonOfCancel(): PluginError {
    if (this.deadline !== undefined && Date.now() >= this.deadline)
      return new PluginError('DEADLINE_EXCEEDED', "the caller's deadline passed");
    return new PluginError('CANCELLED', 'the caller ended the call');
  }

  #abort(reason: unknown): void {
    this.#controller.abort(reason);
    this.#aborted.reject(reason);
  }
}
