import type { Duplex, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PluginError } from '@berth/sdk/errors';

/** A port-forward that was asked for, until its client connects. */
export interface PortForward {
  kind: 'portforward';
  /** For messages: `sandbox default/web (3f2a…)`. */
  object: string;
  /** What a client over WebSocket forwards; over SPDY it names the port with each stream. */
  ports: number[];
  /** Connects to a port of the pod, on its loopback. */
  dial(port: number, signal: AbortSignal): Promise<Duplex>;
}

/** Joins one connection of the client to a port of the pod, until both directions have ended. What fails is told on `error`. */
export async function forwardConnection(
  { dial, object }: Pick<PortForward, 'dial' | 'object'>,
  port: number,
  client: { data: Duplex; error: Writable },
  signal: AbortSignal,
): Promise<void> {
  // That the client has gone ends the connection to the pod too, by the pipelines.
  for (const stream of [client.data, client.error]) stream.on('error', () => undefined);
  try {
    const pod = await dial(port, signal);
    await Promise.all([pipeline(client.data, pod, { signal }), pipeline(pod, client.data, { signal })]);
    client.error.end();
  } catch (thrown) {
    client.error.end(`error forwarding port ${port} to ${object}: ${PluginError.from(thrown).message}`);
    client.data.destroy();
  }
}

/** A port number, as a header or a query has it; undefined for anything else. */
export function portNumber(text: string | undefined): number | undefined {
  const port = Number(text);
  return /^\d{1,5}$/.test(text ?? '') && port > 0 && port <= 65_535 ? port : undefined;
}
