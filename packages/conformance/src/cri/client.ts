import { coveredClient } from '../covered-client.ts';
import type { Rpc } from '../protocol.ts';
import { CoverageRecord } from '../rpc-coverage.ts';
import type { CriClient } from './messages.ts';
import { criProtocol } from './protocol.ts';

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

/** A client of the target's two services, whose calls end with the case that makes them. */
export function connectCri({ runtimeEndpoint, imageEndpoint, excuse }: ConnectCriOptions): CoveredClient {
  const protocol = criProtocol();
  const coverage = new CoverageRecord(protocol);
  const addresses = { RuntimeService: runtimeEndpoint, ImageService: imageEndpoint };
  return { client: coveredClient<CriClient>({ protocol, addresses, coverage, excuse }), coverage };
}
