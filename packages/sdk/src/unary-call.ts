import type { Client } from '@grpc/grpc-js';
import { Cancellation, failure, type OutgoingCallOptions, transmission } from './outgoing-call.ts';

/** Makes a unary call; it fails with a PluginError that names method and address. */
export async function unaryCall(client: () => Client, options: OutgoingCallOptions): Promise<unknown> {
  const cancellation = new Cancellation(options);
  try {
    cancellation.throwIfCancelled();
    return await answer(client(), options, cancellation);
  } catch (thrown) {
    throw failure(thrown, options, cancellation);
  } finally {
    cancellation.release();
  }
}

function answer(client: Client, options: OutgoingCallOptions, cancellation: Cancellation): Promise<unknown> {
  const { method, request } = options;
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const call = client.makeUnaryRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    ...transmission(options),
    (error, response) => (error ? reject(error) : resolve(response)),
  );
  cancellation.cancelWith(() => call.cancel());
  return promise;
}
