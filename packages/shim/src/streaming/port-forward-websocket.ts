import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { forwardConnection, type PortForward } from './port-forward.ts';
import { WebSocketChannels } from './websocket-channels.ts';

/** Protocols of port-forward over WebSocket, by whether they are base64. A client that names none speaks the first. */
export const portForwardProtocols: ReadonlyMap<string, { base64: boolean }> = new Map([
  ['v4.channel.k8s.io', { base64: false }],
  ['v4.base64.channel.k8s.io', { base64: true }],
]);

/**
 * Serves a port-forward over a WebSocket: for each port, in the order asked for, a channel of data and one of errors, which both
 * begin with the port in two bytes, little-endian. Each port carries one connection.
 */
export async function portForwardOverWebSocket(
  socket: WebSocket,
  forward: PortForward,
  onActivity: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { base64 = false } = portForwardProtocols.get(socket.protocol) ?? {};
  const connection = new WebSocketChannels(socket, { base64, closeSignal: false, onActivity });
  const limit = AbortSignal.any([signal, connection.gone]);
  const forwards = forward.ports.map(async (port, index) => {
    const [readable, writable, error] = [
      connection.readable(index * 2),
      connection.writable(index * 2),
      connection.writable(index * 2 + 1),
    ];
    const portBytes = Buffer.from([port & 0xff, port >> 8]);
    writable.on('error', () => undefined).write(portBytes);
    error.write(portBytes);
    await forwardConnection(forward, port, { data: Duplex.from({ readable, writable }), error, endsInput: false }, limit);
  });
  await Promise.all(forwards);
  await connection.close();
}
