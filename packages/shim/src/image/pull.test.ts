import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type BuiltImage, buildImage } from '@berth/conformance/image-builder';
import { AuthConfig } from '@berth/sdk/cri';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startImageProcess } from '../../../../test/fixtures/image-process.ts';
import { missingRegistry, startRegistry, type TestRegistry } from '../../../../test/fixtures/registry.ts';
import { digestOf } from './digest.ts';
import type { PullOptions } from './images.ts';
import { LayeredImages } from './store.ts';

const missing = missingRegistry() ?? (process.getuid?.() === 0 ? undefined : 'unpacking needs root');
const anonymous: PullOptions = { auth: undefined, sandbox: undefined };
const signal = AbortSignal.timeout(120_000);
const foreignArchitecture = process.arch === 'x64' ? 'arm64' : 'amd64';
const hostArchitecture = process.arch === 'x64' ? 'amd64' : 'arm64';

describe.skipIf(missing)(`pull${missing ? ` (${missing})` : ''}`, () => {
  let registry: TestRegistry;
  let scratch: string;
  let image: BuiltImage;
  let images: LayeredImages;
  let directory: string;

  beforeAll(async () => {
    registry = await startRegistry();
    scratch = await mkdtemp(join(tmpdir(), 'berth-pull-'));
    const layers = Array.from({ length: 6 }, (_, index) => [
      { type: 'file' as const, path: `file${index}`, content: String(index).repeat(200_000) },
    ]);
    image = await buildImage({ output: join(scratch, 'image.tar'), names: ['localhost/app:1'], layers });
    await registry.push(image.path, 'team/app', '1');
  });
  afterAll(async () => {
    await registry.stop();
    await rm(scratch, { recursive: true, force: true });
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(scratch, 'images-'));
    images = new LayeredImages(directory);
  });

  const putIndex = async (tag: string, architecture: string) => {
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = await (
      await fetch(`http://${registry.host}/v2/team/app/manifests/${image.manifestDigest}`, { headers: { accept: mediaType } })
    ).text();
    const manifests = [{ mediaType, digest: image.manifestDigest, size: manifest.length, platform: { os: 'linux', architecture } }];
    const index = JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests });
    await registry.putManifest('team/app', tag, 'application/vnd.oci.image.index.v1+json', index);
  };

  it('brings an image by tag, with its layers in order', async () => {
    const name = `${registry.host}/team/app`;
    expect(await images.pull(`${name}:1`, anonymous, signal)).toBe(image.id);
    expect(await images.status(`${name}:1`)).toMatchObject({ repoTags: [`${name}:1`], repoDigests: [`${name}@${image.manifestDigest}`] });
    const { layers } = await images.use(`${name}:1`, 'c1');
    expect(await Promise.all(layers.map((layer) => readdir(layer)))).toEqual([5, 4, 3, 2, 1, 0].map((index) => [`file${index}`]));
  });

  it('brings an image by digest, which gives it no tag', async () => {
    const name = `${registry.host}/team/app@${image.manifestDigest}`;
    expect(await images.pull(name, anonymous, signal)).toBe(image.id);
    expect(await images.status(name)).toMatchObject({ repoTags: [], repoDigests: [name] });
  });

  it("takes this machine's image from an index", async () => {
    await putIndex('index', hostArchitecture);
    expect(await images.pull(`${registry.host}/team/app:index`, anonymous, signal)).toBe(image.id);
  });

  it('takes it from an index in an index, though not from many', async () => {
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const indexOf = (inner: string) =>
      JSON.stringify({ schemaVersion: 2, mediaType, manifests: [{ mediaType, digest: digestOf(inner), size: inner.length }] });
    const accept = { headers: { accept: mediaType } };
    await putIndex('index', hostArchitecture);
    let inner = await (await fetch(`http://${registry.host}/v2/team/app/manifests/index`, accept)).text();
    for (let depth = 1; depth <= 4; depth++) {
      inner = indexOf(inner);
      await registry.putManifest('team/app', `nested${depth}`, mediaType, inner);
    }
    expect(await images.pull(`${registry.host}/team/app:nested1`, anonymous, signal)).toBe(image.id);
    await expect(images.pull(`${registry.host}/team/app:nested4`, anonymous, signal)).rejects.toThrow(
      'its index leads through more than 3 others',
    );
  });

  it("says which platforms there are when this machine's is missing", async () => {
    await putIndex('foreign', foreignArchitecture);
    await expect(images.pull(`${registry.host}/team/app:foreign`, anonymous, signal)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(`no image for linux/${hostArchitecture}, only for linux/${foreignArchitecture}`),
    });
  });

  it('serves two processes that pull the same image at once', async () => {
    const name = `${registry.host}/team/app:1`;
    const both = await Promise.all([startImageProcess(directory, 'pull', name).result, startImageProcess(directory, 'pull', name).result]);
    expect(both.map(({ id }) => id)).toEqual([image.id, image.id]);
    expect(await images.list()).toMatchObject([{ id: image.id }]);
    expect(await readdir(join(directory, 'layers'))).toHaveLength(6);
    expect(await readdir(join(directory, 'incoming'))).toEqual([]);
  });

  it('is whole, and nothing is left over, after one of two processes was killed at any moment', async () => {
    const name = `${registry.host}/team/app:1`;
    const folders = async (...names: string[]) => Promise.all(names.map((folder) => readdir(join(directory, folder)).catch(() => [])));
    for (const afterMs of [0, 15, 40, 80, 150, 300]) {
      const victim = startImageProcess(directory, 'pull', name);
      const other = startImageProcess(directory, 'pull', name);
      await expect.poll(async () => (await folders('leases')).flat().length, { interval: 5 }).toBeGreaterThan(0);
      await setTimeout(afterMs);
      victim.process.kill('SIGKILL');
      expect((await other.result).id).toBe(image.id);

      await images.recover(() => true);
      expect(await folders('incoming', 'ingest', 'leases')).toEqual([[], [], []]);
      expect(await images.status(name)).toMatchObject({ id: image.id, repoTags: [name] });
      const [layers, blobs] = await folders('layers', 'blobs');
      expect([layers?.length, blobs?.length]).toEqual([6, 8]);
      await images.remove(name);
      expect(await folders('layers', 'blobs', 'records', 'names', 'incoming')).toEqual([[], [], [], [], []]);
    }
  }, 60_000);

  it('is brought to its end by one process while another removes the image again and again', async () => {
    const name = `${registry.host}/team/app:1`;
    const pulling = startImageProcess(directory, 'pull', name);
    let pulled = false;
    const removing = (async () => {
      while (!pulled) {
        await images.remove(name);
        await images.prune({ all: true }, signal);
      }
    })();
    await pulling.result.finally(() => {
      pulled = true;
    });
    await removing;
    expect((await pulling.result).id).toBe(image.id);
    await images.pull(name, anonymous, signal);
    expect((await images.use(name, 'c1')).layers).toHaveLength(6);
  });

  it('brings an image at once that is pulled, removed and pulled by many requests', async () => {
    const name = `${registry.host}/team/app:1`;
    const work = Array.from({ length: 12 }, async (_, index) =>
      index % 3 === 2 ? images.remove(name) : images.pull(name, anonymous, signal),
    );
    await Promise.all(work);
    await images.pull(name, anonymous, signal);
    const { layers } = await images.use(name, 'c1');
    expect(await Promise.all(layers.map((layer) => readdir(layer)))).toHaveLength(6);
  });

  it.each(['team/app:none', 'no/such:1'])('says that %s is not there', async (name) => {
    await expect(images.pull(`${registry.host}/${name}`, anonymous, signal)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(`image ${registry.host}/${name}: registry ${registry.host}: answered 404, MANIFEST_UNKNOWN`),
    });
  });
});

describe('pull from a registry that misbehaves', () => {
  let server: Server;
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-pull-'));
  });
  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function listen(listener: RequestListener): Promise<string> {
    server = createServer(listener);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await promise;
    const address = server.address();
    return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }
  const pull = (name: string, within = signal, options = anonymous) => new LayeredImages(directory).pull(name, options, within);
  const manifest = (size: number) =>
    JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: `sha256:${'a'.repeat(64)}`, size },
      layers: [],
    });

  it('names the host when nobody listens', async () => {
    const host = await listen(() => undefined);
    server.close();
    await expect(pull(`${host}/app:1`)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`registry ${host}: connection refused; check`),
    });
  });

  it.each([
    [401, 'PERMISSION_DENIED'],
    [403, 'PERMISSION_DENIED'],
    [429, 'UNAVAILABLE'],
    [500, 'UNAVAILABLE'],
  ])('turns status %i into %s', async (status, code) => {
    const host = await listen((_, response) => response.writeHead(status).end());
    await expect(pull(`${host}/app:1`)).rejects.toMatchObject({ code, message: expect.stringContaining(`answered ${status}`) });
  });

  it('gives up on endless redirects', async () => {
    const host = await listen((request, response) => response.writeHead(307, { location: request.url }).end());
    await expect(pull(`${host}/app:1`)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('redirects more than 5 times'),
    });
  });

  it('follows no redirect away from https to another host', async () => {
    const host = await listen((_, response) => response.writeHead(307, { location: 'http://192.0.2.1/' }).end());
    await expect(pull(`${host}/app:1`)).rejects.toThrow('it redirects to "http://192.0.2.1/"');
  });

  it.each([
    ['more', manifest(3), 'longer than the 3 bytes announced'],
    ['fewer', manifest(30), 'ended after 4 of 30 bytes'],
    ['other', manifest(4), 'its bytes have the digest'],
  ])('refuses %s bytes than the manifest announces, and keeps none', async (_, body, reason) => {
    const host = await listen((request, response) => response.end(request.url?.includes('/blobs/') ? 'oops' : body));
    await expect(pull(`${host}/app:1`)).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringMatching(new RegExp(`^blob sha256:a+ of image ${host}/app:1, from registry ${host}: .*${reason}`)),
    });
    expect(await readdir(join(directory, 'ingest'))).toEqual([]);
  });

  it('refuses a configuration that would fill the memory', async () => {
    const host = await listen((_, response) => response.end(manifest(1e9)));
    await expect(pull(`${host}/app:1`)).rejects.toThrow('its configuration has 1000000000 bytes, more than 4194304');
  });

  it('refuses a manifest without end', async () => {
    const host = await listen((_, response) => {
      const send = (): void => void (response.destroyed || response.write(Buffer.alloc(1024 * 1024), send));
      send();
    });
    await expect(pull(`${host}/app:1`)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });

  it('ends a pull that is aborted while the registry is silent', async () => {
    const pulling = new AbortController();
    const host = await listen(() => pulling.abort());
    await expect(pull(`${host}/app:1`, pulling.signal)).rejects.toMatchObject({
      code: 'CANCELLED',
      message: expect.stringContaining(host),
    });
  });

  it('fetches a token where the registry asks for one, and shows it to no other host', async () => {
    const seen: [string | undefined, string | undefined][] = [];
    const storage = createServer((request, response) => {
      seen.push(['storage', request.headers.authorization]);
      response.writeHead(404).end();
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.listen(0, '127.0.0.1', resolve);
    await promise;
    const storageAddress = storage.address();
    const storagePort = typeof storageAddress === 'object' ? storageAddress?.port : '';
    try {
      const host = await listen((request, response) => {
        const { authorization, host: self } = request.headers;
        if (request.url?.startsWith('/token')) {
          seen.push([request.url, authorization]);
          response.end(JSON.stringify({ token: 'secret' }));
        } else if (authorization === 'Bearer secret') {
          response.writeHead(307, { location: `http://127.0.0.1:${storagePort}/manifest` }).end();
        } else {
          response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${self}/token",service="registry"` }).end();
        }
      });
      await expect(pull(`${host}/app:1`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(seen).toEqual([
        ['/token?service=registry&scope=repository%3Aapp%3Apull', undefined],
        ['storage', undefined],
      ]);
    } finally {
      storage.close();
    }
  });

  it('shows a password to the token server, where the registry offers that beside taking it itself', async () => {
    const shown: [string | undefined, string | undefined][] = [];
    const host = await listen((request, response) => {
      const { authorization, host: self } = request.headers;
      const path = request.url?.split('?')[0];
      shown.push([path, authorization]);
      if (path === '/token') return response.end(JSON.stringify({ token: 'given' }));
      if (authorization === 'Bearer given') return response.writeHead(404).end();
      return response.writeHead(401, { 'www-authenticate': `Negotiate, Basic realm="r", Bearer realm="http://${self}/token"` }).end();
    });
    const auth = AuthConfig.fromPartial({ username: 'me', password: 'secret' });
    await expect(pull(`${host}/app:1`, signal, { auth, sandbox: undefined })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const basic = `Basic ${Buffer.from('me:secret').toString('base64')}`;
    const manifest = '/v2/app/manifests/1';
    expect(shown).toEqual([
      [manifest, undefined],
      ['/token', basic],
      [manifest, 'Bearer given'],
    ]);
  });

  it.each(['null', '{"token":7}', '{"token":"a\\nb"}'])('names the host whose token is %s', async (token) => {
    const host = await listen((request, response) => {
      if (request.url?.startsWith('/token')) return response.end(token);
      return response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
    });
    await expect(pull(`${host}/app:1`)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`registry ${host}: the token server gave no token; correct`),
    });
  });

  it('gives up where a token is never good enough', async () => {
    let asked = 0;
    const host = await listen((request, response) => {
      const { host: self } = request.headers;
      if (request.url?.startsWith('/token')) return response.end(JSON.stringify({ token: `${asked++}` }));
      return response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${self}/token"` }).end();
    });
    await expect(pull(`${host}/app:1`)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(asked).toBe(2);
  });

  it('refuses a manifest that is not what the registry calls it', async () => {
    const host = await listen((_, response) => response.writeHead(200, { 'docker-content-digest': `sha256:${'b'.repeat(64)}` }).end('{}'));
    await expect(pull(`${host}/app:1`)).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringContaining(`registry ${host}: the manifest has the digest sha256:44136fa`),
    });
  });

  it('exchanges an identity token, and fetches another token when the first has expired', async () => {
    const asked: (string | null)[] = [];
    const host = await listen((request, response) => {
      const { authorization, host: self } = request.headers;
      if (request.url === '/token') {
        const chunks: Buffer[] = [];
        request
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('end', () => {
            const form = new URLSearchParams(Buffer.concat(chunks).toString());
            asked.push(form.get('refresh_token'), form.get('scope'));
            response.end(JSON.stringify({ access_token: `token-${asked.length / 2}` }));
          });
      } else if (authorization === `Bearer token-${request.url?.includes('/blobs/') ? 2 : 1}`) {
        if (request.url?.includes('/blobs/')) response.writeHead(404);
        response.end(manifest(4));
      } else {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${self}/token",service="registry"` }).end();
      }
    });
    const auth = AuthConfig.fromPartial({ identityToken: 'refresh' });
    await expect(pull(`${host}/app:1`, signal, { auth, sandbox: undefined })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(asked).toEqual(['refresh', 'repository:app:pull', 'refresh', 'repository:app:pull']);
  });
});
