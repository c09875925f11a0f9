import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { onAbort } from './abort.ts';
import { parseAddress } from './address.ts';
import { type AllowedUsers, admits } from './allowed-users.ts';
import { acceptAnyAuthority } from './authority.ts';
import { Connections } from './connections.ts';
import { PluginError } from './errors.ts';
import { type CallContext, serverStreamHandler, unaryHandler } from './incoming-call.ts';
import { listen } from './listener.ts';
import type { AnyMethod } from './outgoing-call.ts';
import { maxMessageBytes } from './reconnecting-channel.ts';
import { type Closing, RunningServer } from './running-server.ts';

export type { AllowedUsers } from './allowed-users.ts';
export type { CallContext } from './incoming-call.ts';
export { maxMessageBytes } from './reconnecting-channel.ts';

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
  /**
   * Takes no new calls, ends streams, gives running unary calls `graceMs` (default 5000), then cancels them; removes
   * its socket file. A second close waits for the first.
   */
  close(graceMs?: number): Promise<void>;
}

export type ServedService<Service extends ServiceDefinition = ServiceDefinition> = [Service, Implementation<Service>];

export interface ServeOptions {
  /** Closes the server, with the default grace. */
  signal?: AbortSignal;
  /** The largest message taken or sent. Default 16 MiB, kubelet's. */
  maxMessageBytes?: number;
  /** Users who may call, of a unix socket: connections of others are broken off. Left out: whoever may open the socket. */
  allowedUsers?: AllowedUsers;
}

/**
 * Serves gRPC on `unix:///path` (socket 0600, directory 0700, a stale socket file is replaced, a live one is refused)
 * or `host:port`. Accepts any `:authority`, also the socket path that older grpc-go clients send. Each handler runs
 * inside the trace span of its call; what it throws becomes a gRPC status, PluginErrors with their own code.
 */
export async function serve(address: string, services: ServedService[], options: ServeOptions = {}): Promise<Served> {
  const closing: Closing = { streams: new AbortController(), calls: new AbortController() };
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes ?? maxMessageBytes,
    'grpc.max_send_message_length': options.maxMessageBytes ?? maxMessageBytes,
  });
  for (const [service, implementation] of services) server.addService(service, handlers(service, implementation, closing));
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const connections = new Connections();
  const listener = await listen(parseAddress(address), (socket) => {
    if (options.allowedUsers && !admits(options.allowedUsers, socket)) return void socket.destroy();
    connections.add(socket);
    injector.injectConnection(acceptAnyAuthority(socket));
  });
  const running = new RunningServer(server, listener, connections, closing);
  onAbort([options.signal], () => void running.close());
  return running;
}

function handlers(
  service: ServiceDefinition,
  implementation: Implementation<ServiceDefinition>,
  closing: Closing,
): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries<AnyMethod>(service).map(([name, method]) => [
      name,
      handler(method, implementation[name]?.bind(implementation), closing),
    ]),
  );
}

function handler(method: AnyMethod, implementation: ((request: never, context: CallContext) => unknown) | undefined, closing: Closing) {
  const answer = implementation && !method.requestStream ? implementation : () => unimplemented(method);
  if (!method.responseStream) return unaryHandler(answer as never, closing.calls.signal);
  return serverStreamHandler(answer as never, closing.streams.signal);
}

function unimplemented(method: AnyMethod): never {
  const [, service, name] = method.path.split('/');
  throw new PluginError('UNIMPLEMENTED', `the plugin doesn't implement ${name} of ${service}`);
}
