import type { IncomingMessage, ServerResponse } from 'node:http';
import { onAbort } from '@berth/sdk/abort';
import { type Code, PluginError } from '@berth/sdk/errors';

/** A request with what its path and query say, and the response to it. */
export interface Exchange {
  /** The values of the path's `{names}`, decoded. */
  params: Record<string, string>;
  query: URLSearchParams;
  request: IncomingMessage;
  response: ServerResponse;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
}

type RouteHandler = (exchange: Exchange) => Promise<void> | void;

interface Route {
  /** Undefined: any. */
  method: string | undefined;
  segments: string[];
  handler: RouteHandler;
}

const statusCodes: Partial<Record<Code, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  UNIMPLEMENTED: 405,
  UNAVAILABLE: 503,
};

/** Finds the handler of a request by its method and path; an error becomes its status code with the message as text. */
export class Router {
  readonly #routes: Route[] = [];

  /** `pattern` has names in braces: `/containerLogs/{namespace}/{pod}/{container}`; `{path...}` at its end is all that is left. */
  get(pattern: string, handler: RouteHandler): this {
    return this.#add('GET', pattern, handler);
  }

  post(pattern: string, handler: RouteHandler): this {
    return this.#add('POST', pattern, handler);
  }

  put(pattern: string, handler: RouteHandler): this {
    return this.#add('PUT', pattern, handler);
  }

  any(pattern: string, handler: RouteHandler): this {
    return this.#add(undefined, pattern, handler);
  }

  /** `closing` ends what goes on and on. */
  async handle(request: IncomingMessage, response: ServerResponse, closing: AbortSignal): Promise<void> {
    const gone = new AbortController();
    const ending = onAbort([closing], () => gone.abort(new PluginError('CANCELLED', 'the kubelet is stopping')));
    response.once('close', () => {
      ending();
      gone.abort(new PluginError('CANCELLED', 'the client went away'));
    });
    try {
      const url = URL.parse(request.url ?? '', 'http://kubelet');
      if (!url) throw new PluginError('INVALID_ARGUMENT', 'the path is malformed');
      const { handler, params } = this.#find(request.method ?? '', url.pathname);
      await handler({ params, query: url.searchParams, request, response, signal: gone.signal });
    } catch (thrown) {
      if (gone.signal.aborted) response.destroy();
      else refuse(response, PluginError.from(thrown));
    }
  }

  #add(method: string | undefined, pattern: string, handler: RouteHandler): this {
    this.#routes.push({ method, segments: pattern.split('/'), handler });
    return this;
  }

  #find(method: string, pathname: string): { handler: RouteHandler; params: Record<string, string> } {
    const matching = this.#routes.flatMap((route) => {
      const params = matchPath(route.segments, pathname);
      return params ? [{ ...route, params }] : [];
    });
    const route = matching.find((candidate) => candidate.method === undefined || candidate.method === (method === 'HEAD' ? 'GET' : method));
    if (route) return route;
    if (matching.length > 0) throw new PluginError('UNIMPLEMENTED', `${method} isn't answered here: ${pathname}`);
    throw new PluginError('NOT_FOUND', `no such path: ${pathname}`);
  }
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }).end(text);
}

/** Answers 200 with the body as JSON. */
export function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** `?follow`, `?follow=true` and `?follow=1` are the same. */
export function flag(query: URLSearchParams, name: string): boolean {
  return query.has(name) && !['false', '0'].includes(query.get(name) ?? '');
}

/** The HTTP status that tells of this error. */
export function statusOf({ code }: PluginError): number {
  return statusCodes[code] ?? 500;
}

/** The values of the names in a pattern, cut at its slashes; undefined for a path of another shape. */
export function matchPath(segments: string[], pathname: string): Record<string, string> | undefined {
  const given = pathname.split('/');
  const rest = /^\{(.+)\.\.\.\}$/.exec(segments.at(-1) ?? '')?.[1];
  if (rest === undefined ? segments.length !== given.length : given.length < segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    if (rest !== undefined && index === segments.length - 1) return { ...params, [rest]: given.slice(index).map(decode).join('/') };
    const value = decode(given[index] ?? '');
    if (segment.startsWith('{')) params[segment.slice(1, -1)] = value;
    else if (segment !== value) return undefined;
  }
  return params;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new PluginError('INVALID_ARGUMENT', 'the path is malformed');
  }
}

/** After the answer has begun, only breaking it off can tell of an error. */
function refuse(response: ServerResponse, error: PluginError): void {
  if (response.headersSent) response.destroy();
  else sendText(response, statusOf(error), `${error.message}\n`);
}
