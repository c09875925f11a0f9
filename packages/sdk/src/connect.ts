import type { ServiceDefinition } from '@grpc/grpc-js';
import { onAbort } from './abort.ts';
import { parseAddress } from './address.ts';
import { bidiStreamCall } from './bidi-stream-call.ts';
import { PluginError } from './errors.ts';
import { type AnyMethod, callObject, type OutgoingCallOptions } from './outgoing-call.ts';
import { type ChannelSettings, ReconnectingChannel } from './reconnecting-channel.ts';
import { serverStreamCall } from './server-stream-call.ts';
import type { CallStart, Tap } from './tap.ts';
import { tappedStream, tappedUnary } from './tapped-call.ts';
import { currentTrace, newSpan } from './trace-context.ts';
import { unaryCall } from './unary-call.ts';

export interface CallOptions {
  signal?: AbortSignal;
  /** Milliseconds from now; every call has one, from `ConnectOptions` if not from here. Infinity: none. A stream's default is none. */
  deadlineMs?: number;
  /** Goes with the call as gRPC metadata: names in lower case, and values in ASCII. No tap sees it. */
  metadata?: Readonly<Record<string, string>>;
}

type Method<Request, Response, RequestStreams, ResponseStreams> = ResponseStreams extends true
  ? [RequestStreams] extends [true]
    ? (requests: AsyncIterable<Request>, options?: CallOptions) => AsyncIterable<Response>
    : (request: Request, options?: CallOptions) => AsyncIterable<Response>
  : (request: Request, options?: CallOptions) => Promise<Response>;

/**
 * A service's client: unary calls are promises, server streams are async iterables that start when first asked for a
 * message; a stream of requests, in a call that streams both ways, is an async iterable too. A proto-loader definition carries no types: its client takes and gives anything, under proto-loader's names.
 */
export type Client<Service> = {
  [Name in keyof Service]: Service[Name] extends {
    requestStream: infer RequestStreams;
    requestSerialize: (value: infer Request) => Buffer;
    responseDeserialize: (value: Buffer) => infer Response;
    responseStream: infer ResponseStreams;
  }
    ? Method<Request, Response, RequestStreams, ResponseStreams>
    : never;
} & { close(): void };

export interface ConnectOptions extends ChannelSettings {
  tap?: Tap;
  /** Ends every call and closes the connection. */
  signal?: AbortSignal;
  /** What a unary call gets that names no deadline of its own. Default 2 minutes, kubelet's. */
  deadlineMs?: number;
  /** What serves there, as error messages call it. Default `plugin`. */
  peer?: string;
}

const defaultDeadlineMs = 2 * 60 * 1000;

/**
 * The one door for plugin calls. `address` is `unix:///path` or `host:port` (TCP, with TLS if `tls` is given). Over unix sockets the
 * client sends `:authority: localhost`. Failures come out as PluginError, naming the method and the address. The
 * connection is made when a call needs it; a call to a plugin that isn't there fails at once with UNAVAILABLE, and the
 * next one tries again. Throws INVALID_ARGUMENT for an address that is none.
 */
export function connect<Service extends ServiceDefinition>(
  service: Service,
  address: string,
  options: ConnectOptions = {},
): Client<Service> {
  const connection = new Connection(address, options);
  const methods = Object.entries<AnyMethod>(service).map(([name, method]) => [name, connection.method(method)]);
  return { ...Object.fromEntries(methods), close: () => connection.close() };
}

class Connection {
  readonly #address: string;
  readonly #options: ConnectOptions;
  readonly #channel: ReconnectingChannel;
  readonly #closed = new AbortController();
  readonly #release: (() => void) | undefined;

  constructor(address: string, options: ConnectOptions) {
    this.#address = address;
    this.#options = options;
    this.#channel = new ReconnectingChannel(parseAddress(address), options);
    this.#release = onAbort([options.signal], () => this.close());
  }

  method(method: AnyMethod) {
    if (method.requestStream) return method.responseStream ? this.#bidiStream(method) : () => this.#refuseRequestStream(method);
    return method.responseStream ? this.#serverStream(method) : this.#unary(method);
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(new PluginError('CANCELLED', 'the connection was closed'));
    // Not there yet when the signal had aborted before the connection was made.
    this.#release?.();
    this.#channel.close();
  }

  #unary(method: AnyMethod) {
    return (request: unknown, options: CallOptions = {}) => {
      const call = this.#call(method, request, {
        ...options,
        deadlineMs: options.deadlineMs ?? this.#options.deadlineMs ?? defaultDeadlineMs,
      });
      return tappedUnary(this.#options.tap, call.start, call.options, () => unaryCall(() => this.#channel.client(), call.options));
    };
  }

  #serverStream(method: AnyMethod) {
    return (request: unknown, options: CallOptions = {}) => {
      const call = this.#call(method, request, options);
      return tappedStream(this.#options.tap, call.start, call.options, () => serverStreamCall(() => this.#channel.client(), call.options));
    };
  }

  #bidiStream(method: AnyMethod) {
    return (requests: AsyncIterable<unknown>, options: CallOptions = {}) => {
      const call = this.#call(method, undefined, options);
      return tappedStream(this.#options.tap, call.start, call.options, () =>
        bidiStreamCall(() => this.#channel.client(), requests, call.options),
      );
    };
  }

  #refuseRequestStream(method: AnyMethod): never {
    throw new PluginError('UNIMPLEMENTED', 'calls that stream requests for one answer are not made through connect()', {
      object: callObject({ method, address: this.#address }),
    });
  }

  #call(
    method: AnyMethod,
    request: unknown,
    { signal, deadlineMs, metadata }: CallOptions,
  ): { start: CallStart; options: OutgoingCallOptions } {
    const address = this.#address;
    const { peer = 'plugin' } = this.#options;
    const parent = currentTrace();
    const span = newSpan(parent);
    return {
      start: { path: method.path, address, request, ...span, ...(parent && { parentSpanId: parent.spanId }) },
      options: { method, request, address, span, signals: [signal, this.#closed.signal], deadlineMs, peer, metadata },
    };
  }
}
