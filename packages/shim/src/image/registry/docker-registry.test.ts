import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type BuiltImage, buildImage } from '@berth/conformance/image-builder';
import { AuthConfig } from '@berth/sdk/cri';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate, skipWithoutOpenssl, type TestCertificate } from '../../../../../test/fixtures/certificate.ts';
import { startImageProcess } from '../../../../../test/fixtures/image-process.ts';
import {
  htpasswd,
  missingRegistry,
  type RegistryOptions,
  startRegistry,
  type TestRegistry,
} from '../../../../../test/fixtures/registry.ts';
import { startTokenServer, type TokenServer } from '../../../../../test/fixtures/token-server.ts';
import { LayeredImages } from '../store.ts';

const missing = missingRegistry() ?? (process.getuid?.() === 0 ? undefined : 'unpacking needs root');
const signal = AbortSignal.timeout(120_000);
const berth = AuthConfig.fromPartial({ username: 'berth', password: 'secret' });
/** Nobody listens there. */
const deadHost = '127.0.0.1:1';

describe.skipIf(missing)(`images from docker-registry${missing ? ` (${missing})` : ''}`, () => {
  let scratch: string;
  let image: BuiltImage;
  let plain: TestRegistry;
  let certificate: TestCertificate;
  let certsDirectory: string;
  let images: LayeredImages;
  const started: { stop(): Promise<void> }[] = [];

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-docker-registry-'));
    const layers = [[{ type: 'file' as const, path: 'a', content: 'a' }], [{ type: 'file' as const, path: 'b', content: 'b' }]];
    image = await buildImage({ output: join(scratch, 'image.tar'), names: ['localhost/app:1'], layers });
    plain = await startRegistry();
    await plain.push(image.path, 'team/app', '1');
    certificate = makeCertificate(scratch);
  });
  afterAll(async () => {
    await plain?.stop();
    await rm(scratch, { recursive: true, force: true });
  });
  beforeEach(async (context) => {
    skipWithoutOpenssl(context);
    certsDirectory = await mkdtemp(join(scratch, 'certs-'));
    images = newStore(await mkdtemp(join(scratch, 'images-')));
  });
  afterEach(async () => {
    for (const server of started.splice(0)) await server.stop();
  });

  const newStore = (directory: string) => new LayeredImages(directory, { registryConfigPath: certsDirectory });
  const pull = (name: string, auth?: AuthConfig) => images.pull(name, { auth, sandbox: undefined }, signal);

  /** Another registry with the images of the plain one. */
  async function another(options: RegistryOptions): Promise<string> {
    const registry = await startRegistry({ storage: plain.storage, ...options });
    started.push(registry);
    return registry.host;
  }

  async function configure(name: string, text: string): Promise<void> {
    const path = join(certsDirectory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  async function listen(listener: RequestListener): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    started.push({ stop: async () => void server.close() });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function passwordFile(): Promise<RegistryOptions['auth']> {
    const path = join(scratch, 'htpasswd');
    await writeFile(path, htpasswd);
    return { htpasswd: { realm: 'test', path } };
  }

  async function tokens(): Promise<TokenServer> {
    const server = await startTokenServer(certificate);
    started.push(server);
    return server;
  }

  it('come by tag, by digest, and by both, of which the digest counts', async () => {
    const name = `${plain.host}/team/app`;
    expect(await pull(`${name}:1`)).toBe(image.id);
    expect(await pull(`${name}@${image.manifestDigest}`)).toBe(image.id);
    expect(await pull(`${name}:none@${image.manifestDigest}`)).toBe(image.id);
    expect(await images.status(image.id)).toMatchObject({ repoTags: [`${name}:1`], repoDigests: [`${name}@${image.manifestDigest}`] });
  });

  it('are one image where several tags mean the same', async () => {
    await plain.push(image.path, 'team/app', '2');
    await plain.push(image.path, 'other', 'latest');
    const names = [`${plain.host}/other:latest`, `${plain.host}/team/app:1`, `${plain.host}/team/app:2`];
    for (const name of names) await pull(name);
    expect(await images.list()).toMatchObject([{ id: image.id, repoTags: names }]);
  });

  it('want user and password where the registry does (htpasswd)', async () => {
    const host = await another({ auth: await passwordFile() });
    const name = `${host}/team/app:1`;
    await expect(pull(name)).rejects.toMatchObject({ code: 'PERMISSION_DENIED', message: expect.stringContaining('answered 401') });
    await expect(pull(name, { ...berth, password: 'wrong' })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await expect(pull(name, { ...berth, serverAddress: 'other.example' })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(await pull(name, berth)).toBe(image.id);
  });

  it('come by tokens, of which another is fetched when one has expired', async () => {
    const server = await tokens();
    // docker-registry allows a minute of leeway.
    server.lifeSeconds = -3600;
    const host = await another({ auth: server.auth });
    await expect(pull(`${host}/team/app:1`)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    server.lifeSeconds = 60;
    expect(await pull(`${host}/team/app:1`)).toBe(image.id);
    expect(new Set(server.asked.flat())).toEqual(new Set(['repository:team/app:pull']));
  });

  it('come whole to one process while another, from which it goes on, is killed in the middle of a layer', async () => {
    const big = [{ type: 'file' as const, path: 'big', content: randomBytes(300_000).toString('base64') }];
    const { id, path } = await buildImage({ output: join(scratch, 'big.tar'), names: ['localhost/big:1'], layers: [big] });
    await plain.push(path, 'big', '1');
    const slow = await startSlowProxy(plain.host, 100_000);
    started.push(slow);
    const directory = await mkdtemp(join(scratch, 'images-'));
    const killed = startImageProcess(directory, 'pull', `${slow.host}/big:1`);
    // More than the configuration has, which comes first.
    await expect.poll(() => bytesIn(join(directory, 'ingest')), { timeout: 20_000 }).toBeGreaterThan(50_000);
    const other = startImageProcess(directory, 'pull', `${slow.host}/big:1`);
    killed.process.kill('SIGKILL');
    await expect(killed.result).rejects.toThrow('SIGKILL');
    expect((await other.result).id).toBe(id);
    expect(slow.ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d+-$/)]);
  }, 60_000);

  describe('over TLS', () => {
    const tls = () => ({ certificate: certificate.certFile, key: certificate.keyFile });

    it('need the authority to be named, which is read afresh for each pull', async () => {
      const host = await another({ tls: tls() });
      const file = `${host}/hosts.toml`;
      await configure(file, `server = "https://${host}"\n`);
      await expect(pull(`${host}/team/app:1`)).rejects.toThrow(
        `registry ${host}: its certificate is of an authority that this host does not trust; name the authority's PEM file as "ca" in the hosts.toml of ${host}`,
      );
      await configure(file, `server = "https://${host}"\nca = "${certificate.certFile}"\n`);
      expect(await pull(`${host}/team/app:1`)).toBe(image.id);
    });

    it('may have a certificate that is not looked at', async () => {
      const host = await another({ tls: tls() });
      await configure(`${host}/hosts.toml`, 'skip_verify = true\n');
      expect(await pull(`${host}/team/app:1`)).toBe(image.id);
    });

    it("take authorities and client certificates from files in Docker's way", async () => {
      const host = await another({ tls: { ...tls(), clientcas: [certificate.certFile] } });
      const directory = host.replace(/:(\d+)$/, '_$1_');
      await configure(`${directory}/ca.crt`, certificate.cert);
      await expect(pull(`${host}/team/app:1`)).rejects.toThrow(`name a client certificate as "client" in the hosts.toml of ${host}`);
      await configure(`${directory}/client.cert`, certificate.cert);
      await expect(pull(`${host}/team/app:1`)).rejects.toThrow('client.cert: there is no client.key beside it');
      await configure(`${directory}/client.key`, certificate.key);
      expect(await pull(`${host}/team/app:1`)).toBe(image.id);
    });

    it('say so where a registry does not speak it', async () => {
      await configure(`${plain.host}/hosts.toml`, `server = "https://${plain.host}"\n`);
      await expect(pull(`${plain.host}/team/app:1`)).rejects.toThrow(`registry ${plain.host}: it does not speak TLS; where it serves`);
    });

    it('say so where a registry on loopback speaks it', async () => {
      const host = await another({ tls: tls() });
      const sent = 'answered 400, Client sent an HTTP request to an HTTPS server.; where it serves HTTPS, write';
      await expect(pull(`${host}/team/app:1`)).rejects.toThrow(
        `registry ${host}: ${sent} server = "https://${host}" in the hosts.toml of ${host}`,
      );
      await configure('registry.invalid/hosts.toml', `server = "http://${plain.host}"\n${mirrors(host)}`);
      await expect(pull('registry.invalid/team/none:1')).rejects.toThrow(`mirror ${host}: answered 400, Client sent an HTTP`);
    });
  });

  describe('by mirrors', () => {
    it('come from the first that has them', async () => {
      const empty = await startRegistry();
      started.push(empty);
      await configure('registry.invalid/hosts.toml', mirrors(deadHost, empty.host, plain.host));
      expect(await pull('registry.invalid/team/app:1')).toBe(image.id);
      expect(await images.status('registry.invalid/team/app:1')).toMatchObject({ id: image.id });
    });

    it('fail with the reason of each host, and with the code of the last', async () => {
      const empty = await startRegistry();
      started.push(empty);
      await configure('_default/hosts.toml', `server = "http://${plain.host}"\n${mirrors(deadHost, empty.host)}`);
      await expect(pull('registry.invalid/team/none:1')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message:
          `image registry.invalid/team/none:1: none of 3 hosts gave it: mirror ${deadHost}: connection refused; ` +
          `mirror ${empty.host}: answered 404, MANIFEST_UNKNOWN, manifest unknown; ` +
          `registry ${plain.host}: answered 404, MANIFEST_UNKNOWN, manifest unknown; check the name and the tag`,
      });
    });

    it('are passed over where they lie', async () => {
      const lying = await listen((_, response) => response.end('{}'));
      await configure('registry.invalid/hosts.toml', mirrors(lying, plain.host));
      expect(await pull(`registry.invalid/team/app@${image.manifestDigest}`)).toBe(image.id);
    });

    it.each(['<html>', 'null', '{}'])('are passed over where they answer %s, and named where none is left', async (body) => {
      const host = await listen((_, response) => response.end(body));
      await configure('registry.invalid/hosts.toml', mirrors(host, plain.host));
      expect(await pull('registry.invalid/team/app:1')).toBe(image.id);
      await configure('registry.invalid/hosts.toml', `server = "http://${deadHost}"\n${mirrors(host)}`);
      await expect(pull('registry.invalid/team/app:1')).rejects.toThrow(
        new RegExp(
          `none of 2 hosts gave it: mirror ${host}: what it gave is no manifest: it is n.+; registry ${deadHost}: connection refused`,
        ),
      );
    });

    it('are asked for nothing more once they sent wrong bytes', async () => {
      const asked: string[] = [];
      const forge = async ({ url = '', headers: { accept = '*/*' } }: IncomingMessage, response: ServerResponse) => {
        asked.push(url);
        const bytes = await (await fetch(`http://${plain.host}${url}`, { headers: { accept } })).bytes();
        response.end(url.includes('/blobs/') ? Buffer.alloc(bytes.length) : bytes);
      };
      const host = await listen((request, response) => void forge(request, response).catch(() => response.destroy()));
      await configure('registry.invalid/hosts.toml', mirrors(host, plain.host));
      expect(await pull('registry.invalid/team/app:1')).toBe(image.id);
      // The configuration is fetched before all layers.
      expect(asked).toEqual([expect.stringContaining('/manifests/1'), expect.stringContaining(`/blobs/${image.id}`)]);
    });

    it('get no credentials that are not theirs', async () => {
      const host = await another({ auth: await passwordFile() });
      await configure('registry.invalid/hosts.toml', `server = "http://${plain.host}"\n[host."http://${host}"]\n`);
      expect(await pull('registry.invalid/team/app:1', berth)).toBe(image.id);
      await configure('registry.invalid/hosts.toml', `server = "http://${deadHost}"\n[host."http://${host}"]\n`);
      await expect(pull('registry.invalid/team/app:1', berth)).rejects.toThrow(`mirror ${host}: answered 401`);
      expect(await pull('registry.invalid/team/app:1', { ...berth, serverAddress: host })).toBe(image.id);
    });

    it('are asked for blobs alone where they may not resolve tags', async () => {
      await configure(
        'registry.invalid/hosts.toml',
        `server = "http://${deadHost}"\n[host."http://${plain.host}"]\ncapabilities = ["pull"]\n`,
      );
      await expect(pull('registry.invalid/team/app:1')).rejects.toThrow(
        `image registry.invalid/team/app:1: registry ${deadHost}: connection refused`,
      );
      expect(await pull(`registry.invalid/team/app@${image.manifestDigest}`)).toBe(image.id);
    });

    it('name the file that is wrong', async () => {
      await configure('registry.invalid/hosts.toml', 'server = "a\n');
      await expect(pull('registry.invalid/team/app:1')).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringMatching(/\/registry\.invalid\/hosts\.toml: line 1: .+; correct the TOML$/),
      });
    });
  });

  describe('pushed', () => {
    it('are there for others, also under a second name, for which the registry takes the blobs from the first', async () => {
      const target = await startRegistry();
      started.push(target);
      const [first, second] = [`${target.host}/first/app:1`, `${target.host}/second/app:2`];
      for (const name of [first, second]) await images.load(image.path, { name }, signal);
      expect(await images.push(first, undefined, signal)).toBe(image.manifestDigest);
      expect(await images.push(second, undefined, signal)).toBe(image.manifestDigest);
      expect(await images.push(second, undefined, signal)).toBe(image.manifestDigest);
      const repositories = join(target.storage, 'docker/registry/v2/repositories');
      expect(await readdir(join(repositories, 'first/app'))).toContain('_uploads');
      expect(await readdir(join(repositories, 'second/app'))).not.toContain('_uploads');
      images = newStore(await mkdtemp(join(scratch, 'images-')));
      expect(await pull(second)).toBe(image.id);
    });

    it('want leave to push (tokens)', async () => {
      const server = await tokens();
      const host = await another({ auth: server.auth, storage: await mkdtemp(join(scratch, 'storage-')) });
      for (const name of [`${host}/one:1`, `${host}/two:1`]) await images.load(image.path, { name }, signal);
      await expect(images.push(`${host}/one:1`, undefined, signal)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
      expect(await images.push(`${host}/one:1`, berth, signal)).toBe(image.manifestDigest);
      expect(await images.push(`${host}/two:1`, berth, signal)).toBe(image.manifestDigest);
      const mounting = server.asked.filter((scopes) => scopes.includes('repository:one:pull') && scopes.length > 1);
      expect(mounting.flat()).toContainEqual(expect.stringMatching(/^repository:two:(pull,push|push,pull)$/));
    });

    it('go to no host that may not be pushed to', async () => {
      const name = `${plain.host}/team/pushed:1`;
      await images.load(image.path, { name }, signal);
      await configure(`${plain.host}/hosts.toml`, 'capabilities = ["pull", "resolve"]\n');
      await expect(images.push(name, undefined, signal)).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining(`no host of ${plain.host} has the capability push`),
      });
    });

    it('must be here', async () => {
      await expect(images.push(`${plain.host}/team/app:1`, undefined, signal)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });
});

/** Passes requests on to a registry; the first answer that is longer than `cut` bytes stops there. */
async function startSlowProxy(host: string, cut: number) {
  const ranges: string[] = [];
  let isCut = false;
  const passOn = async (request: IncomingMessage, response: ServerResponse) => {
    const { range, accept = '*/*' } = request.headers;
    if (range) ranges.push(range);
    const answer = await fetch(`http://${host}${request.url}`, { headers: { accept, ...(range && { range }) } });
    const body = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { 'content-length': body.length, 'content-range': answer.headers.get('content-range') ?? '' });
    const isWhole = isCut || body.length <= cut;
    isCut ||= !isWhole;
    if (isWhole) response.end(body);
    else response.write(body.subarray(0, cut));
  };
  const server = createServer((request, response) => {
    passOn(request, response).catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, ranges, stop };
}

/** Of what is on its way into a store. */
async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function mirrors(...hosts: string[]): string {
  return hosts.map((host) => `[host."http://${host}"]\n`).join('');
}
