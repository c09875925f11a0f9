import { once } from 'node:events';
import { type IncomingMessage, type RequestOptions, request as requestPlainly } from 'node:http';
import { request as requestOverTls } from 'node:https';
import type { HTTPGetAction } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { kubernetesMinorVersion } from '../kubernetes-version.ts';
import { dialError } from './dial-error.ts';
import { authority, type HandlerTarget, hostOf, portOf } from './handler-target.ts';

/** One GET, ready to be sent. */
interface HttpRequest {
  url: URL;
  headers: Record<string, string | string[]>;
}

/** What was answered, after redirects to the same host. */
interface HttpAnswer {
  statusCode: number;
  /** Its first 10 KiB. */
  body: string;
}

const bodyLimit = 10 * 1024;
const maxRedirects = 10;
const redirects = new Set([301, 302, 303, 307, 308]);

/** What a handler asks for. `kind` goes into User-Agent, `kube-probe/1.36`; a header that is given as empty isn't sent. */
export function httpRequestOf(action: HTTPGetAction, target: HandlerTarget, kind: 'probe' | 'lifecycle'): HttpRequest {
  const base = `${(action.scheme ?? 'HTTP').toLowerCase()}://${authority(hostOf(target, action.host), portOf(target, action.port))}`;
  const url = URL.parse(`${base}/${(action.path ?? '/').replace(/^\//, '')}`);
  if (!url) throw new PluginError('INVALID_ARGUMENT', 'it makes no URL', { object: `path ${JSON.stringify(action.path)} on ${base}` });
  return { url, headers: headersOf(action, kind) };
}

function headersOf({ httpHeaders = [] }: HTTPGetAction, kind: string): Record<string, string | string[]> {
  const headers = new Map<string, string[]>();
  for (const { name, value = '' } of httpHeaders) {
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value]);
  }
  if (!headers.has('user-agent')) headers.set('user-agent', [`kube-${kind}/${kubernetesMinorVersion}`]);
  if (!headers.has('accept')) headers.set('accept', ['*/*']);
  for (const optional of ['user-agent', 'accept']) if (headers.get(optional)?.[0] === '') headers.delete(optional);
  return Object.fromEntries([...headers].map(([key, values]) => [key, values.length === 1 ? (values[0] as string) : values]));
}

/**
 * Sends a GET on a connection of its own, believing every certificate. Follows redirects on the same host; one to another is the answer.
 * What fails is UNAVAILABLE, or DEADLINE_EXCEEDED where `signal` was a time-out, in Go's words, since those are known from events.
 */
export async function httpGet({ url, headers }: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  let current = url;
  let sent = headers;
  for (let followed = 0; ; followed++) {
    const response = await send(current, sent, signal);
    const next = redirectOf(response, current);
    if (!next || next.hostname !== url.hostname) return read(response, current, signal);
    response.destroy();
    if (followed === maxRedirects) throw failed(current, 'stopped after 10 redirects');
    if (next.host !== current.host) sent = withoutHost(sent);
    current = next;
  }
}

async function send(url: URL, headers: HttpRequest['headers'], signal: AbortSignal): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const options: RequestOptions = { host, port: url.port, path: url.pathname + url.search, headers, agent: false, signal };
  // A name in the certificate is asked for only where the URL has one, whatever the Host header says.
  const tls = { rejectUnauthorized: false, servername: /^[\d.]+$|:/.test(host) ? '' : host };
  const request = url.protocol === 'https:' ? requestOverTls({ ...options, ...tls }) : requestPlainly(options);
  // After the answer nobody waits for it any more: a connection that breaks then breaks the answer too.
  request.on('error', () => undefined);
  try {
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  } catch (thrown) {
    throw explain(thrown, url, signal);
  }
}

async function read(response: IncomingMessage, url: URL, signal: AbortSignal): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= bodyLimit) break;
    }
  } catch (thrown) {
    throw explain(thrown, url, signal);
  }
  return { statusCode: response.statusCode ?? 0, body: Buffer.concat(chunks).subarray(0, bodyLimit).toString() };
}

function redirectOf({ statusCode = 0, headers }: IncomingMessage, url: URL): URL | undefined {
  if (!redirects.has(statusCode) || !headers.location) return undefined;
  return URL.parse(headers.location, url.href) ?? undefined;
}

/** A Host header of one's own is for the host that was asked first. */
function withoutHost({ host: _host, ...headers }: HttpRequest['headers']): HttpRequest['headers'] {
  return headers;
}

function explain(thrown: unknown, url: URL, signal: AbortSignal): PluginError {
  if (signal.aborted && (signal.reason as Error).name === 'TimeoutError') {
    return failed(url, 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)', 'DEADLINE_EXCEEDED');
  }
  if (signal.aborted) return PluginError.from(signal.reason);
  const address = authority(url.hostname.replace(/^\[|\]$/g, ''), Number(url.port || (url.protocol === 'https:' ? 443 : 80)));
  return failed(url, dialError(thrown, address) ?? (thrown as Error).message, 'UNAVAILABLE', thrown);
}

function failed(url: URL, what: string, code: 'UNAVAILABLE' | 'DEADLINE_EXCEEDED' = 'UNAVAILABLE', cause?: unknown): PluginError {
  return new PluginError(code, `Get ${JSON.stringify(url.href)}: ${what}`, { cause });
}
