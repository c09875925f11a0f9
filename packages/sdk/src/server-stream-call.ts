import type { Client } from '@grpc/grpc-js';
import { Cancellation, failure, type OutgoingCallOptions, transmission } from './outgoing-call.ts';

/**
 * Makes a call whose answer is a stream, when its first message is asked for. Messages are taken from the connection
 * as fast as the consumer takes them; a consumer that stops early ends the call.
 */
export async function* serverStreamCall(client: () => Client, options: OutgoingCallOptions): AsyncGenerator<unknown, void> {
  const { method, request } = options;
  const cancellation = new Cancellation(options);
  let cancel: (() => void) | undefined;
  try {
    cancellation.throwIfCancelled();
    const stream = client().makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      ...transmission(options),
    );
    cancel = () => stream.cancel();
    cancellation.cancelWith(cancel);
    // What fails between two messages is told to the loop below; after it has ended, a late error has no one to hear it.
    stream.on('error', () => {});
    yield* stream;
    cancel = undefined;
  } catch (thrown) {
    cancel = undefined;
    throw failure(thrown, options, cancellation);
  } finally {
    cancel?.();
    cancellation.release();
  }
}
