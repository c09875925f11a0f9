import type { ServiceDefinition } from '@grpc/grpc-js';

/** What a handler knows of its call besides the request. */
export interface CallContext {
  /** Aborted when the client cancels, the deadline passes or the server closes. */
  signal: AbortSignal;
  /** Milliseconds since the epoch; undefined where the client set none. */
  deadline: number | undefined;
}

/** An implementation may leave methods out: those answer UNIMPLEMENTED and name the method. */
export type Implementation<Service> = {
  [Name in keyof Service]?: Service[Name] extends {
    requestDeserialize: (value: Buffer) => infer Request;
    responseSerialize: (value: infer Response) => Buffer;
    responseStream: infer Streams;
  }
    ? (request: Request, context: CallContext) => Streams extends true ? AsyncIterable<Response> : Promise<Response> | Response
    : never;
};

export interface Served {
  /** Where it listens, with the port that was chosen for `host:0`. */
  readonly address: string;
  /** Takes no new calls, gives running ones `graceMs` (default 5000), then cancels them; removes its socket file. */
  close(graceMs?: number): Promise<void>;
}

export type ServedService<Service extends ServiceDefinition = ServiceDefinition> = [Service, Implementation<Service>];

/**
 * Serves gRPC on `unix:///path` (socket 0600, directory 0700, a stale socket file is replaced, a live one is refused)
 * or `host:port`. Accepts any `:authority`, also the socket path that older grpc-go clients send. Each handler runs
 * inside the trace span of its caller; what it throws becomes a gRPC status, PluginErrors with their own code.
 */
export declare function serve(address: string, services: ServedService[], options?: { signal?: AbortSignal; maxMessageBytes?: number }): Promise<Served>;
