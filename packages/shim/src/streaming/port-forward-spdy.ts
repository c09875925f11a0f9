import type { Duplex } from 'node:stream';
import { forwardConnection, type PortForward, portNumber } from './port-forward.ts';
import { SpdyConnection } from './spdy/connection.ts';
import type { SpdyStream } from './spdy/stream.ts';

/** The protocol that a client names in X-Stream-Protocol-Version. */
export const portForwardVersion = 'portforward.k8s.io';

/** WebSocket's subprotocol for a SPDY connection in the messages of a WebSocket. */
export const portForwardTunnel = `SPDY/3.1+${portForwardVersion}`;

/** Longest that the second stream of a pair may take; kubelet's streamCreationTimeout. */
const pairDeadlineMs = 30_000;

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
  overdue: NodeJS.Timeout;
}

/**
 * Serves a port-forward over SPDY until the client ends the connection: for each connection to a port the client opens a stream of
 * data and one of errors, with the same `requestid`.
 */
export async function portForwardOverSpdy(
  transport: Duplex,
  forward: PortForward,
  onActivity: () => void,
  signal: AbortSignal,
): Promise<void> {
  const pairs = new Map<string, Pair>();
  const gone = new AbortController();
  const limit = AbortSignal.any([signal, gone.signal]);
  const onStream = (stream: SpdyStream): void => {
    const { streamtype: type, requestid: id, port: text } = stream.headers;
    const port = portNumber(text);
    if ((type !== 'data' && type !== 'error') || id === undefined || port === undefined) return void stream.destroy();
    const pair = pairs.get(id) ?? { overdue: setTimeout(() => forget(id), pairDeadlineMs) };
    if (pair[type]) return void stream.destroy();
    pair[type] = stream;
    pairs.set(id, pair);
    const { data, error } = pair;
    if (!data || !error) return;
    clearTimeout(pair.overdue);
    pairs.delete(id);
    // The client sends nothing there but its end.
    error.resume();
    void forwardConnection(forward, port, { data, error, endsInput: true }, limit);
  };
  const forget = (id: string): void => {
    pairs.get(id)?.data?.destroy();
    pairs.get(id)?.error?.destroy();
    pairs.delete(id);
  };
  const connection = new SpdyConnection(transport, { role: 'server', onStream, onActivity });
  await connection.closed;
  gone.abort();
  for (const { overdue } of pairs.values()) clearTimeout(overdue);
}
