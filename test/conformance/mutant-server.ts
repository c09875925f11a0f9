import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from '@berth/sdk/connect';
import { ImageServiceService, RuntimeServiceService } from '@berth/sdk/cri';
import { type Implementation, serve } from '@berth/sdk/serve';
import type { ServiceDefinition } from '@grpc/grpc-js';

/** The services of a server that works, for a mutant to call. */
export interface RealServer {
  runtime: Client<RuntimeServiceService>;
  images: Client<ImageServiceService>;
}

/** RPCs that a mutant answers otherwise; all others go through to the server that works. */
export interface MutatedServices {
  runtime?: Implementation<RuntimeServiceService>;
  images?: Implementation<ImageServiceService>;
  /** What the suite calls for a restart of the server. */
  restart?(): Promise<void>;
  /** Takes away what the mutant has left on the host. */
  cleanUp?(): Promise<void>;
}

export type Mutation = (real: RealServer) => MutatedServices;

export interface MutantServer {
  endpoint: string;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Serves a CRI server that breaks one rule, in front of one that keeps it. */
export async function startMutant(realEndpoint: string, mutation: Mutation): Promise<MutantServer> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-mutant-'));
  const real = { runtime: connect(RuntimeServiceService, realEndpoint), images: connect(ImageServiceService, realEndpoint) };
  const mutated = mutation(real);
  const endpoint = `unix://${join(directory, 'mutant.sock')}`;
  const served = await serve(endpoint, [
    [RuntimeServiceService, { ...passedOn(RuntimeServiceService, real.runtime), ...mutated.runtime }],
    [ImageServiceService, { ...passedOn(ImageServiceService, real.images), ...mutated.images }],
  ]);
  const stop = async (): Promise<void> => {
    await served.close(0);
    await mutated.cleanUp?.();
    real.runtime.close();
    real.images.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { endpoint, restart: async () => mutated.restart?.(), stop };
}

type AnyCall = (request: unknown, options: { signal: AbortSignal }) => unknown;

function passedOn<Service extends ServiceDefinition>(service: Service, client: object): Implementation<Service> {
  const calls = client as Record<string, AnyCall>;
  return Object.fromEntries(
    Object.keys(service).map((name) => [
      name,
      (request: unknown, { signal }: { signal: AbortSignal }) => calls[name]?.(request, { signal }),
    ]),
  ) as unknown as Implementation<Service>;
}
