import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PluginError } from '@berth/sdk/errors';
import { readNodeLogQuery } from './node-log-query.ts';
import { type Exchange, sendText } from './router.ts';
import { serviceLogs } from './service-logs.ts';

/**
 * GET /logs/PATH: a file below the node's log directory, or what is in a directory. Nothing outside it, by whatever links. With `queries`,
 * `/logs/?query=` asks for services' logs, or for a file.
 */
export async function systemLog(root: string, queries: boolean, exchange: Exchange): Promise<void> {
  const { params, query: parameters, response } = exchange;
  if (!queries && (parameters.has('query') || parameters.has('pattern'))) {
    throw new PluginError('INVALID_ARGUMENT', 'node log queries are not enabled', {
      object: 'enableSystemLogQuery',
      hint: 'read the files by their paths, or enable it in the kubelet configuration',
    });
  }
  const query = queries ? readNodeLogQuery(parameters) : undefined;
  if (query && params.path) return sendText(response, 406, 'path not allowed in query mode\n');
  if (query && query.file === undefined) return serviceLogs(query, exchange, (path) => openLog(root, path));
  return fileOrDirectory(root, query?.file ?? params.path ?? '', exchange);
}

/** A log below the root; undefined where no file has this name. */
async function openLog(root: string, name: string): Promise<Readable | undefined> {
  try {
    const path = await inside(root, name);
    const found = await stat(path);
    if (!found.isFile()) return undefined;
    return found.size === 0 ? Readable.from([]) : createReadStream(path, { end: found.size - 1 });
  } catch (thrown) {
    if (PluginError.from(thrown).code === 'NOT_FOUND') return undefined;
    throw thrown;
  }
}

async function fileOrDirectory(root: string, name: string, { request, response, signal }: Exchange): Promise<void> {
  const path = await inside(root, name);
  const found = await stat(path);
  if (!found.isDirectory() && !found.isFile()) throw gone(name);
  if (found.isDirectory()) return list(path, request.url ?? '', response);
  response.writeHead(200, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'last-modified': found.mtime.toUTCString(),
  });
  // No more than there is now: a log goes on while it is read.
  if (found.size === 0) response.end();
  else await pipeline(createReadStream(path, { end: found.size - 1 }), response, { signal });
}

/** What a path leads to. NOT_FOUND for what isn't there and for what lies outside: whether that is there is nobody's business. */
async function inside(root: string, path: string): Promise<string> {
  if (path.includes('\0') || path.split('/').includes('..')) throw gone(path);
  const [top, real] = await Promise.all([realpath(root), realpath(join(root, path))]).catch((): [string, string] => {
    throw gone(path);
  });
  if (real !== top && !real.startsWith(top + sep)) throw gone(path);
  return real;
}

/** In HTML, as Go's file server: a link each, directories with a slash. */
async function list(path: string, url: string, response: Exchange['response']): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).toSorted();
  const base = URL.parse(url, 'http://kubelet')?.pathname ?? '/logs/';
  const links = names.map(
    (name) =>
      `<a href="${escaped(encodeURI(base.endsWith('/') ? '' : `${base.split('/').at(-1)}/`) + encodeURIComponent(name).replaceAll('%2F', '/'))}">${escaped(name)}</a>\n`,
  );
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html>\n<pre>\n${links.join('')}</pre>\n`);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&#34;');
}

function gone(path = ''): PluginError {
  return new PluginError('NOT_FOUND', '404 page not found', { object: `/logs/${path}` });
}
