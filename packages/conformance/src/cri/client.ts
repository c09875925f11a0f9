import { type Client, connect } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { boundedCall, type CallBounds } from '../case-scope.ts';
import { SkipCase } from '../suite.ts';
import { CoverageRecord } from './coverage.ts';
import type { CriClient } from './messages.ts';
import { criProtocol, type Rpc } from './protocol.ts';

/** CRI's two services under the RPCs' own names, with a count of what was called and answered. */
export interface CoveredClient {
  client: CriClient & { close(): void };
  coverage: CoverageRecord;
}

export interface ConnectCriOptions {
  runtimeEndpoint: string;
  imageEndpoint: string;
  /** Why an RPC that the target doesn't know is no fault of it, or undefined if it has to know it. */
  excuse(rpc: Rpc): string | undefined;
}

type AnyCall = (request: unknown, options?: CallBounds) => Promise<unknown> | AsyncIterable<unknown>;

/**
 * A client of the target, whose calls end with the case that makes them. What the target answers with UNIMPLEMENTED ends the case: as a skip where there is an excuse,
 * else with the PluginError.
 */
export function connectCri({ runtimeEndpoint, imageEndpoint, excuse }: ConnectCriOptions): CoveredClient {
  const protocol = criProtocol();
  const coverage = new CoverageRecord(protocol);
  const connected = {
    RuntimeService: connect(protocol.runtimeService, runtimeEndpoint),
    ImageService: connect(protocol.imageService, imageEndpoint),
  };
  const calls = protocol.rpcs.map((rpc) => {
    const clients = connected as Record<string, Client<ServiceDefinition>>;
    const call = clients[rpc.service]?.[rpc.name] as unknown as AnyCall;
    return [rpc.name, rpc.streams ? streamOf(rpc, call, coverage, excuse) : unaryOf(rpc, call, coverage, excuse)];
  });
  const close = (): void => {
    for (const client of Object.values(connected)) client.close();
  };
  return { client: { ...Object.fromEntries(calls), close }, coverage };
}

type Excuse = ConnectCriOptions['excuse'];

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
