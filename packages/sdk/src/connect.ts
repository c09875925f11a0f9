import type { ServiceDefinition } from '@grpc/grpc-js';
import type { Tap } from './tap.ts';

export interface CallOptions {
  signal?: AbortSignal;
  /** Milliseconds from now; every call has one, from `ConnectOptions` if not from here. A stream's default is none. */
  deadlineMs?: number;
}

type Method<Request, Response, Streams> = Streams extends true
  ? (request: Request, options?: CallOptions) => AsyncIterable<Response>
  : (request: Request, options?: CallOptions) => Promise<Response>;

/** A service's client: unary calls are promises, server streams are async iterables. */
export type Client<Service> = {
  [Name in keyof Service]: Service[Name] extends {
    requestSerialize: (value: infer Request) => Buffer;
    responseDeserialize: (value: Buffer) => infer Response;
    responseStream: infer Streams;
  }
    ? Method<Request, Response, Streams>
    : never;
} & { close(): void };

export interface ConnectOptions {
  tap?: Tap;
  /** Ends every call and closes the connection. */
  signal?: AbortSignal;
  /** What a unary call gets that names no deadline of its own. Default 2 minutes, kubelet's. */
  deadlineMs?: number;
}

/**
 * The one door for plugin calls. `address` is `unix:///path` or `host:port` (TCP without TLS). Over unix sockets the
 * client sends `:authority: localhost`. Failures come out as PluginError, naming the method and the address.
 */
export declare function connect<Service extends ServiceDefinition>(service: Service, address: string, options?: ConnectOptions): Client<Service>;
