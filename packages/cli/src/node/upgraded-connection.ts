import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { PluginError } from '@berth/sdk/errors';
import { SpdyConnection } from '@berth/shim/spdy';
import { WebSocket } from 'ws';

/** A WebSocket of v5.channel.k8s.io, or v4 for runtimes that don't know that, over a unix socket, paused until its reader is ready; throws what the server answered instead. */
export async function openWebSocket(socketPath: string, path: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws+unix://${socketPath}:${path}`, ['v5.channel.k8s.io', 'v4.channel.k8s.io']);
  // The first messages may come with the answer.
  socket.once('open', () => socket.pause());
  const refused = Promise.withResolvers<never>();
  socket.once('unexpected-response', (_request, response) => void refusal(response).then(refused.reject, refused.reject));
  await Promise.race([once(socket, 'open'), refused.promise]);
  return socket;
}

/** A SPDY/3.1 connection over a unix socket, as its client; throws what the server answered instead. */
export async function openSpdy(socketPath: string, path: string, version: string): Promise<SpdyConnection> {
  const headers = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': version };
  const asked = request({ socketPath, path, method: 'POST', headers });
  const { promise, resolve, reject } = Promise.withResolvers<SpdyConnection>();
  asked.once('upgrade', (_response, socket, head) => {
    if (head.length > 0) socket.unshift(head);
    resolve(new SpdyConnection(socket, { role: 'client' }));
  });
  asked.once('response', (response) => void refusal(response).then(reject, reject));
  asked.once('error', reject);
  asked.end();
  return promise;
}

async function refusal(response: IncomingMessage): Promise<PluginError> {
  const words = (await text(response)).trim();
  return new PluginError(response.statusCode === 404 ? 'NOT_FOUND' : 'UNKNOWN', words || `the node answered ${response.statusCode}`);
}
