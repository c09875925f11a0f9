import type { Duplex, Writable } from 'node:stream';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import { encodeStatus } from './command-status.ts';
import type { ClientStreams, RequestedStreams } from './remote-command.ts';
import { SpdyConnection } from './spdy/connection.ts';
import type { SpdyStream } from './spdy/stream.ts';
import { terminalSizes } from './terminal-sizes.ts';

/** Protocols of exec and attach over SPDY, the newest first. A client that names none speaks the last. */
export const remoteCommandVersions = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] as const;
export type RemoteCommandVersion = (typeof remoteCommandVersions)[number];

/** Longest that a client may take to open all of its streams; kubelet's streamCreationTimeout. */
const streamCreationMs = 30_000;

type StreamType = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize';

/** The streams of an exec or attach over an upgraded connection, once the client has opened all that it asked for. */
export async function remoteCommandOverSpdy(
  transport: Duplex,
  version: RemoteCommandVersion,
  requested: RequestedStreams,
  onActivity: () => void,
): Promise<ClientStreams> {
  const arrived = new Map<StreamType, SpdyStream>();
  const awaited = streamTypes(version, requested);
  const complete = Promise.withResolvers<void>();
  const onStream = (stream: SpdyStream): void => {
    const type = stream.headers.streamtype as StreamType;
    if (!awaited.includes(type) || arrived.has(type)) return void stream.destroy();
    arrived.set(type, stream);
    if (arrived.size === awaited.length) complete.resolve();
  };
  const connection = new SpdyConnection(transport, { role: 'server', onStream, onActivity });
  const gone = new AbortController();
  void connection.closed.then(() => gone.abort());
  const limit = AbortSignal.any([gone.signal, AbortSignal.timeout(streamCreationMs)]);
  await unlessAborted(complete.promise, limit).catch((cause) => {
    connection.destroy();
    const missing = awaited.filter((type) => !arrived.has(type)).join(', ');
    throw new PluginError('DEADLINE_EXCEEDED', `the client didn't open these streams: ${missing}`, { object: 'SPDY connection', cause });
  });
  const resize = arrived.get('resize');
  return {
    stdin: arrived.get('stdin'),
    stdout: arrived.get('stdout'),
    stderr: arrived.get('stderr'),
    resize: resize && terminalSizes(resize),
    gone: gone.signal,
    async finish(status) {
      const outputs = (['stdout', 'stderr'] as const).flatMap((type) => arrived.get(type) ?? []);
      await Promise.all(outputs.map((stream) => ended(stream)));
      const error = arrived.get('error');
      if (error) await ended(error, encodeStatus(status, version === 'v4.channel.k8s.io'));
      await connection.close();
    },
  };
}

function streamTypes(version: RemoteCommandVersion, { stdin, stdout, stderr, tty }: RequestedStreams): StreamType[] {
  const resizes = tty && (version === 'v4.channel.k8s.io' || version === 'v3.channel.k8s.io');
  const wanted: Record<StreamType, boolean> = { error: true, stdin, stdout, stderr: stderr && !tty, resize: resizes };
  return (Object.keys(wanted) as StreamType[]).filter((type) => wanted[type]);
}

/** Resolves when all has gone out, or can't any more. */
async function ended(stream: Writable, last = ''): Promise<void> {
  await new Promise<void>((resolve) => stream.end(last, () => resolve()));
}
