import { type Client, type ConnectOptions, connect } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { boundedCall, type CallBounds } from './case-scope.ts';
import type { Protocol, Rpc } from './protocol.ts';
import type { CoverageRecord } from './rpc-coverage.ts';
import { SkipCase } from './suite.ts';

export interface CoveredClientOptions {
  protocol: Protocol;
  /** The services to be called, and where each of them is served. */
  addresses: Record<string, string>;
  /** Where it is noted what was called and answered. */
  coverage: CoverageRecord;
  /** Why an RPC that the target doesn't know is no fault of it, or undefined if it has to know it. Default: it has to. */
  excuse?(rpc: Rpc): string | undefined;
  settings?: Pick<ConnectOptions, 'authority'>;
}

type AnyCall = (request: unknown, options?: CallBounds) => Promise<unknown> | AsyncIterable<unknown>;

/**
 * A client of the target under the RPCs' own names, whose calls end with the case that makes them. What the target answers with UNIMPLEMENTED ends the case:
 * as a skip where there is an excuse, else with the PluginError.
 */
export function coveredClient<Calls extends object>({
  protocol,
  addresses,
  coverage,
  excuse = () => undefined,
  settings,
}: CoveredClientOptions): Calls & { close(): void } {
  const connected = new Map<string, Client<ServiceDefinition>>(
    Object.entries(addresses).map(([service, address]) => [service, connect(definitionOf(protocol, service), address, settings)]),
  );
  const calls = protocol.rpcs.flatMap((rpc) => {
    const call = connected.get(rpc.service)?.[rpc.name] as unknown as AnyCall | undefined;
    if (!call) return [];
    return [[rpc.name, rpc.streams ? streamOf(rpc, call, coverage, excuse) : unaryOf(rpc, call, coverage, excuse)] as const];
  });
  const close = (): void => {
    for (const client of connected.values()) client.close();
  };
  return { ...(Object.fromEntries(calls) as Calls), close };
}

/** The definition of one of the protocol's services. */
export function definitionOf({ services }: Protocol, name: string): ServiceDefinition {
  const definition = services.get(name);
  if (definition) return definition;
  throw new PluginError('INTERNAL', `the protocol has no service ${name}`, { object: 'conformance suite' });
}

type Excuse = (rpc: Rpc) => string | undefined;

function unaryOf(rpc: Rpc, call: AnyCall, coverage: CoverageRecord, excuse: Excuse) {
  return async (request: unknown, options?: CallBounds): Promise<unknown> => {
    coverage.called(rpc);
    try {
      const response = await (call(request, boundedCall(options)) as Promise<unknown>);
      coverage.answered(rpc, request, response);
      return response;
    } catch (error) {
      throw judged(error, rpc, request, coverage, excuse);
    }
  };
}

function streamOf(rpc: Rpc, call: AnyCall, coverage: CoverageRecord, excuse: Excuse) {
  return async function* (request: unknown, options?: CallBounds): AsyncGenerator<unknown> {
    coverage.called(rpc);
    try {
      for await (const message of call(request, boundedCall(options)) as AsyncIterable<unknown>) {
        coverage.answered(rpc, request, message);
        yield message;
      }
      coverage.answered(rpc, request);
    } catch (error) {
      throw judged(error, rpc, request, coverage, excuse);
    }
  };
}

function judged(thrown: unknown, rpc: Rpc, request: unknown, coverage: CoverageRecord, excuse: Excuse): Error {
  const error = PluginError.from(thrown);
  const unknown = error.code === 'UNIMPLEMENTED';
  if (!unknown && !['UNAVAILABLE', 'CANCELLED', 'DEADLINE_EXCEEDED'].includes(error.code)) coverage.answered(rpc, request);
  const reason = unknown ? excuse(rpc) : undefined;
  return reason === undefined ? error : new SkipCase(reason);
}
