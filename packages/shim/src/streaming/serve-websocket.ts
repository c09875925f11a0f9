import type { IncomingMessage } from 'node:http';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { portForwardOverSpdy, portForwardTunnel } from './port-forward-spdy.ts';
import { portForwardOverWebSocket, portForwardProtocols } from './port-forward-websocket.ts';
import { serveRemoteCommand } from './remote-command.ts';
import { remoteCommandOverWebSocket, remoteCommandProtocols } from './remote-command-websocket.ts';
import type { Session } from './session.ts';
import { refuse, type Upgrade } from './upgrade.ts';

/** As Go's WebSocket servers, which clients are used to: some send a whole file as one message. */
const longestMessage = 32 * 1024 * 1024;

const protocolHeader = 'sec-websocket-protocol';

/** Serves a session to a client that asks for an upgrade to WebSocket. */
export async function serveWebSocket(session: Session, upgrade: Upgrade, onActivity: () => void, signal: AbortSignal): Promise<void> {
  const known = session.kind === 'portforward' ? [portForwardTunnel, ...portForwardProtocols.keys()] : [...remoteCommandProtocols.keys()];
  const offered = (upgrade.request.headers[protocolHeader] ?? '').split(',').map((name) => name.trim());
  const chosen = offered.find((name) => known.includes(name));
  if (chosen === undefined && offered.some(Boolean)) {
    return refuse(upgrade.socket, 403, `unable to upgrade: ${protocolHeader} must be one of ${known.join(', ')}`);
  }
  const socket = await accept(upgrade, chosen);
  if (!socket) return;
  if (session.kind !== 'portforward') {
    return serveRemoteCommand(session, await remoteCommandOverWebSocket(socket, session.streams, onActivity), signal);
  }
  if (chosen !== portForwardTunnel) return portForwardOverWebSocket(socket, session, onActivity, signal);
  return portForwardOverSpdy(createWebSocketStream(socket), session, onActivity, signal);
}

/** Paused until its reader is ready. Undefined where ws has refused a malformed request, or the client has gone. */
async function accept({ request, socket, head }: Upgrade, protocol: string | undefined): Promise<WebSocket | undefined> {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: longestMessage,
    handleProtocols: () => protocol ?? false,
  });
  if (protocol === portForwardTunnel) nameTunnel(server, request);
  const { promise, resolve } = Promise.withResolvers<WebSocket | undefined>();
  socket.once('close', () => resolve(undefined));
  server.handleUpgrade(request, socket, head, (client) => {
    // The first messages may have come with the request.
    client.pause();
    resolve(client);
  });
  return promise;
}

/** The slash in the tunnel's name is none of a token's characters, so ws would refuse it. */
function nameTunnel(server: WebSocketServer, request: IncomingMessage): void {
  delete request.headers[protocolHeader];
  server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${portForwardTunnel}`));
}
