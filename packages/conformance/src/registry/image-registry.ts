import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseRange } from './byte-range.ts';
import { answeredWrongly, endedEarly } from './faults.ts';
import { ociManifest, unpackBlobs } from './oci-archive.ts';
import { Repository, type RepositoryOptions } from './repository.ts';
import { basicOf, TokenServer } from './token-server.ts';

export type { Faults } from './faults.ts';
export type { ReceivedRequest, Repository, RepositoryOptions } from './repository.ts';

/**
 * A read-only registry on a free port of 127.0.0.1: the pulling half of the OCI distribution protocol (manifests and blobs
 * by GET and HEAD, byte ranges, tag lists) over OCI archives, as the image builder makes them, and over what is put into its
 * repositories. It can be told to lie and to fail.
 */
export class ImageRegistry {
  readonly #directory: string;
  readonly #server: Server;
  readonly #repositories = new Map<string, Repository>();
  readonly #tokens: TokenServer;
  /** `127.0.0.1:5000`, what image names begin with. */
  readonly host: string;

  private constructor(directory: string, server: Server, host: string) {
    this.#directory = directory;
    this.#server = server;
    this.host = host;
    this.#tokens = new TokenServer(host);
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<ImageRegistry> {
    const directory = await mkdtemp(join(tmpdir(), 'berth-registry-'));
    // An idle connection stays open: one that the server closes while a client takes it up again would fail a pull by chance.
    const server = createServer({ keepAliveTimeout: 0 });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
    await promise;
    const address = server.address();
    return new ImageRegistry(directory, server, `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
  }

  /** Serves the archive's first image as `repository:tag`, and by its digest; gives the name to pull it by. */
  async add(archive: string, repository: string, tag: string, options: RepositoryOptions = {}): Promise<string> {
    const blobs = join(this.#directory, 'blobs');
    await mkdir(blobs, { recursive: true });
    const { digest, mediaType } = ociManifest(await unpackBlobs(archive, blobs), archive);
    const bytes = await readFile(join(blobs, fileOf(digest)));
    (this.#repositories.get(repository) ?? this.addRepository(repository, options)).putManifest(mediaType, bytes, tag);
    return `${this.host}/${repository}:${tag}`;
  }

  /** Serves a repository, for now an empty one, which takes the place of what had its name. */
  addRepository(name: string, options: RepositoryOptions = {}): Repository {
    const repository = new Repository(name, options);
    this.#repositories.set(name, repository);
    return repository;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch {
      // The client went away in the middle of a blob.
      response.destroy();
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('docker-distribution-api-version', 'registry/2.0');
    const { pathname } = new URL(request.url ?? '/', `http://${this.host}`);
    if (pathname === '/token') return this.#tokens.answer(request, response, (name) => this.#repositories.get(name)?.options.token);
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'UNSUPPORTED', 'this registry is read-only');
    if (pathname === '/v2/') return send(request, response, 'application/json', Buffer.from('{}'));
    const [, name = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(pathname) ?? [];
    const repository = this.#repositories.get(name);
    if (!repository) return refuse(response, 404, 'NAME_UNKNOWN', 'there is no such repository');
    const { range, authorization } = request.headers;
    repository.received.push({ method: request.method, path: pathname, range, authorization });
    if (this.#turnedAway(request, response, repository)) return;
    if (kind === 'tags')
      return send(request, response, 'application/json', Buffer.from(JSON.stringify({ name, tags: [...repository.tags.keys()] })));
    if (answeredWrongly(request, response, repository.faults)) return;
    if (kind === 'manifests') return sendManifest(request, response, repository, decodeURIComponent(reference));
    return this.#sendBlob(request, response, repository, decodeURIComponent(reference));
  }

  /** Answers 401 to who hasn't shown what the repository wants. */
  #turnedAway(request: IncomingMessage, response: ServerResponse, { name, options: { credentials, token } }: Repository): boolean {
    if (credentials && request.headers.authorization !== basicOf(credentials))
      response.setHeader('www-authenticate', 'Basic realm="conformance"');
    else if (token && !this.#tokens.admits(request, name, token)) response.setHeader('www-authenticate', this.#tokens.challenge(name));
    else return false;
    refuse(response, 401, 'UNAUTHORIZED', 'log in first');
    return true;
  }

  async #sendBlob(request: IncomingMessage, response: ServerResponse, repository: Repository, digest: string): Promise<void> {
    const { faults } = repository;
    if (faults.redirect) return void response.writeHead(307, { location: faults.redirect(request.url ?? '/') }).end();
    const blob = faults.lies?.get(digest) ?? repository.blobs.get(digest) ?? (await this.#blobFile(digest));
    if (!blob) return refuse(response, 404, 'BLOB_UNKNOWN', 'there is no such blob');
    response.setHeader('content-type', 'application/octet-stream').setHeader('docker-content-digest', digest);
    response.setHeader('accept-ranges', 'bytes');
    const size = Buffer.isBuffer(blob) ? blob.length : blob.size;
    const range = parseRange(request.headers.range, size);
    if (range === 'unsatisfiable') {
      response.setHeader('content-range', `bytes */${size}`);
      return refuse(response, 416, 'SIZE_INVALID', 'the range is beyond the end');
    }
    const { start, end } = range ?? { start: 0, end: size - 1 };
    if (range) response.setHeader('content-range', `bytes ${start}-${end}/${size}`);
    response.writeHead(range ? 206 : 200, { 'content-length': end - start + 1 });
    if (request.method === 'HEAD') return void response.end();
    // Manifests and configurations stay whole, so that it is the layer that is noticed.
    if (repository.options.corrupt && size > 4096) return void response.end(Buffer.alloc(end - start + 1, 'x'));
    const isBuffer = Buffer.isBuffer(blob);
    if (!isBuffer && !faults.cut && !faults.stall) return pipeline(createReadStream(blob.path, { start, end }), response);
    const bytes = isBuffer ? blob : await readFile(blob.path);
    if (!endedEarly(response, { bytes, start, end: end + 1 }, faults)) response.end(bytes.subarray(start, end + 1));
  }

  async #blobFile(digest: string): Promise<{ path: string; size: number } | undefined> {
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined;
    const path = join(this.#directory, 'blobs', fileOf(digest));
    const size = (await stat(path).catch(() => undefined))?.size;
    return size === undefined ? undefined : { path, size };
  }
}

function sendManifest(request: IncomingMessage, response: ServerResponse, repository: Repository, reference: string): void {
  const digest = repository.tags.get(reference) ?? reference;
  const manifest = repository.manifests.get(digest);
  const bytes = repository.faults.lies?.get(digest) ?? manifest?.bytes;
  if (manifest && bytes) send(request, response.setHeader('docker-content-digest', digest), manifest.mediaType, bytes);
  else refuse(response, 404, 'MANIFEST_UNKNOWN', 'there is no such manifest');
}

function send(request: IncomingMessage, response: ServerResponse, contentType: string, body: Buffer): void {
  response.writeHead(200, { 'content-type': contentType, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** distribution-spec, Error Codes. */
function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

function fileOf(digest: string): string {
  return basename(digest.replace(':', '-'));
}
