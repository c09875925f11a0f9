import { type IncomingMessage, request, STATUS_CODES } from 'node:http';
import { request as requestOverTls } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { PluginError } from '@berth/sdk/errors';
import type { SessionLocation, SessionStreams } from '../runtime/runtime-sessions.ts';
import { findPod, runningContainer } from './find-pod.ts';
import type { NodeView } from './node-view.ts';
import { matchPath, statusOf } from './router.ts';

type Params = Record<string, string>;
type Locate = (node: NodeView, params: Params, asked: AskedSession, signal: AbortSignal) => Promise<SessionLocation>;

/** What a request says of the session that it asks for, besides its path. */
interface AskedSession {
  query: URLSearchParams;
  /** The session is to be one of WebSocket's, rather than SPDY's. */
  webSocket: boolean;
}

/** kubelet's routes (pkg/kubelet/server/server.go), each also with the pod's uid. */
const routes: { segments: string[]; locate: Locate }[] = Object.entries({
  '/exec/{namespace}/{pod}/{container}': locateExec,
  '/exec/{namespace}/{pod}/{uid}/{container}': locateExec,
  '/attach/{namespace}/{pod}/{container}': locateAttach,
  '/attach/{namespace}/{pod}/{uid}/{container}': locateAttach,
  '/portForward/{namespace}/{pod}': locatePortForward,
  '/portForward/{namespace}/{pod}/{uid}': locatePortForward,
}).map(([pattern, locate]) => ({ segments: pattern.split('/'), locate }));

/** Longest that a runtime may take to say where a session is, and to begin it. */
const beginDeadlineMs = 30_000;

/** Longest that a client may take to close after it has been refused. */
const closeDeadlineMs = 5000;

interface SessionProxyOptions {
  /** False: sessions are refused with 405. */
  enabled: boolean;
  /** A session that carries nothing for so long is ended. */
  idleTimeoutMs: number;
}

/** Exec, attach and port-forward: asks the runtime for a session, and joins the client to where that is served. */
export class SessionProxy {
  readonly #node: NodeView;
  readonly #options: SessionProxyOptions;
  readonly #open = new Set<Duplex>();

  constructor(node: NodeView, options: SessionProxyOptions) {
    this.#node = node;
    this.#options = options;
  }

  /** For the `upgrade` event of a server. */
  async handle(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Its close follows.
    socket.on('error', () => undefined).once('close', () => this.#open.delete(socket));
    if (!this.#options.enabled) return answerOnSocket(socket, 405, 'Debug endpoints are disabled.\n');
    if (socket instanceof Socket) socket.setTimeout(this.#options.idleTimeoutMs, () => void socket.destroy());
    this.#open.add(socket);
    const gone = new AbortController();
    const stopWatching = watchEnd(socket, () => gone.abort(new PluginError('CANCELLED', 'the client went away')));
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(beginDeadlineMs)]);
    try {
      const location = await this.#locate(request, signal).finally(stopWatching);
      // What the runtime began for a client that has left, nobody would end.
      signal.throwIfAborted();
      join(location, request, socket, head, signal);
    } catch (thrown) {
      const error = PluginError.from(thrown);
      answerOnSocket(socket, statusOf(error), `${error.message}\n`);
    }
  }

  /** Ends all sessions. */
  close(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async #locate(request: IncomingMessage, signal: AbortSignal): Promise<SessionLocation> {
    const url = URL.parse(request.url ?? '', 'http://kubelet');
    if (!url) throw new PluginError('INVALID_ARGUMENT', 'the path is malformed');
    const webSocket = request.headers.upgrade?.toLowerCase() === 'websocket';
    for (const { segments, locate } of routes) {
      const params = matchPath(segments, url.pathname);
      if (params) return locate(this.#node, params, { query: url.searchParams, webSocket }, signal);
    }
    throw new PluginError('NOT_FOUND', `no such path for an upgrade: ${url.pathname}`);
  }
}

async function locateExec(node: NodeView, params: Params, { query }: AskedSession, signal: AbortSignal): Promise<SessionLocation> {
  const container = runningContainer(findPod(node, params), params.container ?? '');
  return node.sessions.exec(container, query.getAll('command'), streamsOf(query), signal);
}

async function locateAttach(node: NodeView, params: Params, { query }: AskedSession, signal: AbortSignal): Promise<SessionLocation> {
  const container = runningContainer(findPod(node, params), params.container ?? '');
  return node.sessions.attach(container, streamsOf(query), signal);
}

async function locatePortForward(node: NodeView, params: Params, asked: AskedSession, signal: AbortSignal): Promise<SessionLocation> {
  return node.sessions.portForward(findPod(node, params), portsOf(asked), signal);
}

/** A session of WebSocket's has its ports from the query (kubelet: portforward/websocket.go, NewV4Options), one of SPDY's from its streams. */
function portsOf({ query, webSocket }: AskedSession): number[] {
  const texts = query.getAll('port');
  if (webSocket && texts.length === 0) throw new PluginError('INVALID_ARGUMENT', 'query parameter "port" is required');
  return texts.map((text) => {
    const port = /^\d+$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65535) throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(text)} is no port: give one from 1 to 65535`);
    return port;
  });
}

/** With a terminal, errors are part of the output. */
function streamsOf(query: URLSearchParams): SessionStreams {
  const [stdin, stdout, stderr, tty] = ['input', 'output', 'error', 'tty'].map((name) => ['1', 'true'].includes(query.get(name) ?? ''));
  return { stdin: Boolean(stdin), stdout: Boolean(stdout), stderr: Boolean(stderr && !tty), tty: Boolean(tty) };
}

/** Calls `ended` when the client ends its connection, of which one that nobody reads tells nothing. What it sends stays to be read. */
function watchEnd(client: Duplex, ended: () => void): () => void {
  const look = (): void => void (client.readableLength === 0 && client.read());
  client.on('readable', look).once('end', ended).once('close', ended);
  return () => client.off('readable', look).off('end', ended).off('close', ended);
}

/** Passes the client's request on to the runtime's URL, and from then on all bytes both ways. */
function join(
  { url, ca }: SessionLocation,
  { method, rawHeaders }: IncomingMessage,
  client: Duplex,
  head: Buffer,
  signal: AbortSignal,
): void {
  const options = { method, headers: withoutHost(rawHeaders) };
  const asked = url.startsWith('https:') ? requestOverTls(url, { ...options, ...(ca !== undefined && { ca }) }) : request(url, options);
  const late = (): void => void asked.destroy(new Error('the runtime took too long to begin the session'));
  signal.addEventListener('abort', late, { once: true });
  const begun = (): void => signal.removeEventListener('abort', late);
  asked.once('upgrade', ({ rawHeaders: answered }, runtime, first) => {
    begun();
    client.write(`${['HTTP/1.1 101 Switching Protocols', ...lines(answered)].join('\r\n')}\r\n\r\n`);
    client.write(first);
    runtime.write(head);
    connect(client, runtime);
  });
  asked.once('response', (response) => {
    begun();
    void text(response).then(
      (body) => answerOnSocket(client, response.statusCode ?? 500, body),
      () => client.destroy(),
    );
  });
  asked.once('error', (error) => {
    begun();
    answerOnSocket(client, 503, `the runtime's streaming server can't be reached: ${error.message}\n`);
  });
  client.once('close', () => asked.destroy());
  asked.end();
}

/** Each half ends by itself, once all has gone out; what breaks breaks both. */
function connect(client: Duplex, runtime: Duplex): void {
  for (const [from, to] of [
    [client, runtime],
    [runtime, client],
  ] as const) {
    from.on('error', () => undefined).once('close', () => void (from.readableEnded || to.destroy()));
    from.pipe(to);
  }
}

function withoutHost(rawHeaders: string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const [name, value] of pairs(rawHeaders)) {
    if (name.toLowerCase() !== 'host') headers[name] = [...(headers[name] ?? []), value];
  }
  return headers;
}

function lines(rawHeaders: string[]): string[] {
  return pairs(rawHeaders).map(([name, value]) => `${name}: ${value}`);
}

function pairs(rawHeaders: string[]): [string, string][] {
  return Array.from({ length: rawHeaders.length / 2 }, (_, index) => [rawHeaders[2 * index] ?? '', rawHeaders[2 * index + 1] ?? '']);
}

/** In HTTP, as long as nothing else has been said. */
export function answerOnSocket(socket: Duplex, status: number, text: string): void {
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'Content-Type: text/plain; charset=utf-8', 'Connection: close'];
  socket.resume().end(`${[...head, `Content-Length: ${Buffer.byteLength(text)}`].join('\r\n')}\r\n\r\n${text}`);
  const overdue = setTimeout(() => socket.destroy(), closeDeadlineMs);
  socket.once('close', () => clearTimeout(overdue));
}
