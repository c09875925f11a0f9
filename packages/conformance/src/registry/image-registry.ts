import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseRange } from './byte-range.ts';
import { ociManifest, unpackBlobs } from './oci-archive.ts';

/** How one repository is to behave. */
export interface RepositoryOptions {
  /** Only who logs in with these, by HTTP Basic, is served. */
  credentials?: { username: string; password: string };
  /** Layers come with other bytes than their digest says. */
  corrupt?: boolean;
}

interface Repository extends RepositoryOptions {
  /** Digest by tag. */
  tags: Map<string, string>;
  manifests: Map<string, { mediaType: string; bytes: Buffer }>;
}

/**
 * A read-only registry on a free port of 127.0.0.1: the pulling half of the OCI distribution protocol (manifests and blobs
 * by GET and HEAD, byte ranges, tag lists) over OCI archives, as the image builder makes them.
 */
export class ImageRegistry {
  readonly #directory: string;
  readonly #server: Server;
  readonly #repositories = new Map<string, Repository>();
  /** `127.0.0.1:5000`, what image names begin with. */
  readonly host: string;

  private constructor(directory: string, server: Server, host: string) {
    this.#directory = directory;
    this.#server = server;
    this.host = host;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<ImageRegistry> {
    const directory = await mkdtemp(join(tmpdir(), 'berth-registry-'));
    const server = createServer();
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
    const served = this.#repositories.get(repository) ?? { tags: new Map(), manifests: new Map(), ...options };
    served.tags.set(tag, digest);
    served.manifests.set(digest, { mediaType, bytes });
    this.#repositories.set(repository, served);
    return `${this.host}/${repository}:${tag}`;
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
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'UNSUPPORTED', 'this registry is read-only');
    const { pathname } = new URL(request.url ?? '/', `http://${this.host}`);
    if (pathname === '/v2/') return send(request, response, 'application/json', Buffer.from('{}'));
    const [, name = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(pathname) ?? [];
    const repository = this.#repositories.get(name);
    if (!repository) return refuse(response, 404, 'NAME_UNKNOWN', 'there is no such repository');
    if (!isAdmitted(request, repository)) {
      response.setHeader('www-authenticate', 'Basic realm="conformance"');
      return refuse(response, 401, 'UNAUTHORIZED', 'log in first');
    }
    if (kind === 'manifests') return sendManifest(request, response, repository, decodeURIComponent(reference));
    if (kind === 'blobs') return this.#sendBlob(request, response, repository, decodeURIComponent(reference));
    return send(request, response, 'application/json', Buffer.from(JSON.stringify({ name, tags: [...repository.tags.keys()] })));
  }

  async #sendBlob(request: IncomingMessage, response: ServerResponse, repository: Repository, digest: string): Promise<void> {
    const path = join(this.#directory, 'blobs', fileOf(digest));
    const file = /^sha256:[0-9a-f]{64}$/.test(digest) ? await stat(path).catch(() => undefined) : undefined;
    if (!file) return refuse(response, 404, 'BLOB_UNKNOWN', 'there is no such blob');
    response.setHeader('content-type', 'application/octet-stream').setHeader('docker-content-digest', digest);
    response.setHeader('accept-ranges', 'bytes');
    const range = parseRange(request.headers.range, file.size);
    if (range === 'unsatisfiable') {
      response.setHeader('content-range', `bytes */${file.size}`);
      return refuse(response, 416, 'SIZE_INVALID', 'the range is beyond the end');
    }
    const { start, end } = range ?? { start: 0, end: file.size - 1 };
    if (range) response.setHeader('content-range', `bytes ${start}-${end}/${file.size}`);
    response.writeHead(range ? 206 : 200, { 'content-length': end - start + 1 });
    if (request.method === 'HEAD') return void response.end();
    // Manifests and configurations stay whole, so that it is the layer that is noticed.
    if (repository.corrupt && file.size > 4096) return void response.end(Buffer.alloc(end - start + 1, 'x'));
    await pipeline(createReadStream(path, { start, end }), response);
  }
}

function sendManifest(request: IncomingMessage, response: ServerResponse, repository: Repository, reference: string): void {
  const digest = repository.tags.get(reference) ?? reference;
  const manifest = repository.manifests.get(digest);
  if (manifest) send(request, response.setHeader('docker-content-digest', digest), manifest.mediaType, manifest.bytes);
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

function isAdmitted(request: IncomingMessage, { credentials }: Repository): boolean {
  if (!credentials) return true;
  const expected = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  return request.headers.authorization === `Basic ${expected}`;
}

function fileOf(digest: string): string {
  return basename(digest.replace(':', '-'));
}
