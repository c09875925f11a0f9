import type { Client, ClientDuplexStream } from '@grpc/grpc-js';
import { Cancellation, failure, type OutgoingCallOptions, transmission } from './outgoing-call.ts';

type Stream = ClientDuplexStream<unknown, unknown>;

/**
 * Makes a call that streams both ways, when its first message is asked for. `requests` are taken one after another as the connection takes
 * them, and are told that no more is wanted (`return()`) when the call ends; when they end, the other side hears that no more come. A
 * consumer that stops early ends the call.
 */
export async function* bidiStreamCall(
  client: () => Client,
  requests: AsyncIterable<unknown>,
  options: OutgoingCallOptions,
): AsyncGenerator<unknown, void> {
  const { method } = options;
  const cancellation = new Cancellation(options);
  const outgoing = requests[Symbol.asyncIterator]();
  let cancel: (() => void) | undefined;
  let failed: unknown;
  try {
    cancellation.throwIfCancelled();
    const stream: Stream = client().makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      ...transmission(options),
    );
    cancel = () => stream.cancel();
    cancellation.cancelWith(cancel);
    // What fails between two messages is told to the loop below; after it has ended, a late error has no one to hear it.
    stream.on('error', () => {});
    send(outgoing, stream).catch((thrown: unknown) => {
      failed = thrown;
      stream.cancel();
    });
    yield* stream;
    cancel = undefined;
  } catch (thrown) {
    cancel = undefined;
    throw failure(failed ?? thrown, options, cancellation);
  } finally {
    cancel?.();
    cancellation.release();
    // It may wait for its next request, and answer only then: that is nothing to wait for.
    outgoing.return?.().catch(() => undefined);
  }
}

async function send(requests: AsyncIterator<unknown>, stream: Stream): Promise<void> {
  for (let next = await requests.next(); !next.done && stream.writable; next = await requests.next()) {
    if (!stream.write(next.value)) await drained(stream);
  }
  stream.end();
}

/** Resolves when the stream takes more, or has ended. */
function drained(stream: Stream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    for (const event of events) stream.off(event, done);
    resolve();
  };
  const events = ['drain', 'close', 'error'] as const;
  for (const event of events) stream.on(event, done);
  return promise;
}
