import type { WebSocket } from 'ws';
import { encodeStatus } from './command-status.ts';
import type { ClientStreams, RequestedStreams } from './remote-command.ts';
import { terminalSizes } from './terminal-sizes.ts';
import { WebSocketChannels } from './websocket-channels.ts';

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** Protocols of exec and attach over WebSocket, and how they differ. A client that names none speaks the first. */
export const remoteCommandProtocols: ReadonlyMap<string, { base64: boolean; closeSignal: boolean; structuredStatus: boolean }> = new Map([
  ['channel.k8s.io', { base64: false, closeSignal: false, structuredStatus: false }],
  ['base64.channel.k8s.io', { base64: true, closeSignal: false, structuredStatus: false }],
  ['v4.channel.k8s.io', { base64: false, closeSignal: false, structuredStatus: true }],
  ['v4.base64.channel.k8s.io', { base64: true, closeSignal: false, structuredStatus: true }],
  ['v5.channel.k8s.io', { base64: false, closeSignal: true, structuredStatus: true }],
]);

/** The streams of an exec or attach over a WebSocket whose protocol has been agreed on. */
export async function remoteCommandOverWebSocket(
  socket: WebSocket,
  requested: RequestedStreams,
  onActivity: () => void,
): Promise<ClientStreams> {
  const protocol = remoteCommandProtocols.get(socket.protocol || 'channel.k8s.io');
  const { base64 = false, closeSignal = false, structuredStatus = false } = protocol ?? {};
  const connection = new WebSocketChannels(socket, { base64, closeSignal, onActivity });
  const [stdout, stderr] = [requested.stdout, requested.stderr && !requested.tty].map((wanted, index) =>
    wanted ? connection.writable(index + channels.stdout) : undefined,
  );
  const streams: ClientStreams = {
    stdin: requested.stdin ? connection.readable(channels.stdin) : undefined,
    stdout,
    stderr,
    resize: requested.tty ? terminalSizes(connection.readable(channels.resize)) : undefined,
    gone: connection.gone,
    async finish(status) {
      const message = encodeStatus(status, structuredStatus);
      if (message) await connection.send(channels.error, Buffer.from(message)).catch(() => undefined);
      await connection.close();
    },
  };
  // An empty message tells the client that the session is open.
  await connection.send(stdout ? channels.stdout : stderr ? channels.stderr : channels.error, new Uint8Array()).catch(() => undefined);
  return streams;
}
