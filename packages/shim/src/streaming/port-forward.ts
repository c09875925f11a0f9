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

/** The client's side of one connection. */
interface ForwardedConnection {
  data: Duplex;
  error: Writable;
  /** Whether the client can end what it sends by itself. If it can't, the end of what the pod sends is the connection's. */
  endsInput: boolean;
}

/**
 * Joins one connection of the client to a port of the pod, until both directions have ended. What fails is told on `error`, which ends
 * with what the pod sends: kubectl waits for that, and gives up the whole port-forward if anything is told. A client that drops its
 * side is told nothing: it has had enough.
 */
export async function forwardConnection(
  { dial, object }: Pick<PortForward, 'dial' | 'object'>,
  port: number,
  client: ForwardedConnection,
  signal: AbortSignal,
): Promise<void> {
  let failed: 'client' | 'pod' | undefined;
  // That the client has gone ends the connection to the pod too, by the pipelines.
  client.error.on('error', () => undefined);
  client.data.on('error', () => {
    failed ??= 'client';
  });
  try {
    const pod = await dial(port, signal);
    pod.once('error', () => {
      failed ??= 'pod';
    });
    const input = pipeline(client.data, pod, { signal });
    const output = pipeline(pod, client.data, { signal });
    await Promise.race([output, input.then(() => output)]);
    client.error.end();
    if (client.endsInput) await input.catch(() => undefined);
    else client.data.destroy();
  } catch (thrown) {
    client.error.end(failed === 'client' ? '' : `error forwarding port ${port} to ${object}: ${PluginError.from(thrown).message}`);
    client.data.destroy();
  }
}

/** A port number, as a header or a query has it; undefined for anything else. */
export function portNumber(text: string | undefined): number | undefined {
  const port = Number(text);
  return /^\d{1,5}$/.test(text ?? '') && port > 0 && port <= 65_535 ? port : undefined;
}
