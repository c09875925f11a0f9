import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { connect } from './connect.ts';
import { PluginError } from './errors.ts';
import { RuntimeServiceService, StopContainerRequest, VersionRequest, VersionResponse } from './gen/cri.ts';
import { failureOf, pluginHost } from './plugin-host.fixture.ts';

const host = pluginHost();

const version = VersionRequest.create({ version: 'v1' });
const answer = VersionResponse.create({ version: 'v1', runtimeName: 'test' });
const stop = StopContainerRequest.create({ containerId: 'c1' });

describe('a unary call', () => {
  it('answers over a unix socket', async () => {
    await host.plugin({ version: () => answer });
    expect(await host.client().version(version)).toEqual(answer);
  });

  it('answers over TCP, at the port that was chosen', async () => {
    const served = await host.plugin({ version: () => answer }, '127.0.0.1:0');
    expect(served.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    expect(await host.client({}, served.address).version(version)).toEqual(answer);
  });

  it('does not go through http_proxy', async () => {
    const served = await host.plugin({ version: () => answer }, '127.0.0.1:0');
    process.env.http_proxy = 'http://127.0.0.1:1';
    host.atEnd(() => {
      delete process.env.http_proxy;
    });
    expect(await host.client({}, served.address).version(version)).toEqual(answer);
  });

  it('keeps int64 exact in both directions', async () => {
    const timeout = 2n ** 62n + 1n;
    let seen = 0n;
    await host.plugin({
      stopContainer(request) {
        seen = request.timeout;
        return {};
      },
    });
    await host.client().stopContainer({ ...stop, timeout });
    expect(seen).toBe(timeout);
  });

  it('carries messages of nearly 16 MiB, and names the limit beyond it', async () => {
    await host.plugin({ version: ({ version }) => ({ ...answer, runtimeName: version }) });
    const most = 'x'.repeat(16 * 1024 * 1024 - 100);
    expect((await host.client().version({ version: most })).runtimeName).toHaveLength(most.length);
    const error = await failureOf(host.client().version({ version: `${most}${'x'.repeat(200)}` }));
    expect(error.code).toBe('RESOURCE_EXHAUSTED');
    expect(error.message).toContain('16777216');
  });

  it('works with a proto-loader definition, on the same wire', async () => {
    await host.plugin({ version: () => answer });
    const proto = fileURLToPath(new URL('../../../proto/cri.proto', import.meta.url));
    const loaded = loadPackageDefinition(loadSync(proto)) as unknown as { runtime: { v1: { RuntimeService: ServiceClientConstructor } } };
    const loose = connect(loaded.runtime.v1.RuntimeService.service, host.address);
    host.atEnd(() => loose.close());
    expect(await loose.Version?.({ version: 'v1' })).toMatchObject({ runtimeName: 'test' });
  });
});

describe('a failed call', () => {
  it("keeps the plugin's code and words, and names the call", async () => {
    await host.plugin({
      version() {
        throw new PluginError('NOT_FOUND', 'not here', { object: 'sandbox 3f2a', hint: 'list the sandboxes' });
      },
    });
    const error = await failureOf(host.client().version(version));
    expect(error).toBeInstanceOf(PluginError);
    expect(error.code).toBe('NOT_FOUND');
    expect(error.object).toBe(`Version on ${host.address}`);
    expect(error.message).toBe(`Version on ${host.address}: sandbox 3f2a: not here; list the sandboxes`);
  });

  it('is INTERNAL with the message when a handler throws something nobody foresaw', async () => {
    await host.plugin({ version: () => Promise.reject(new TypeError('x is not a function')) });
    const error = await failureOf(host.client().version(version));
    expect(error.code).toBe('INTERNAL');
    expect(error.message).toContain('x is not a function');
  });

  it('keeps line breaks and non-ASCII text', async () => {
    const text = 'Zugriff verweigert: „größe“\nline two 100%';
    await host.plugin({ version: () => Promise.reject(new PluginError('ABORTED', text)) });
    expect((await failureOf(host.client().version(version))).message).toBe(`Version on ${host.address}: ${text}`);
  });

  it('survives a message far larger than a header may be', async () => {
    await host.plugin({ version: () => Promise.reject(new PluginError('ABORTED', 'ü'.repeat(1_000_000))) });
    const error = await failureOf(host.client().version(version));
    expect(error.code).toBe('ABORTED');
    expect(error.message).toMatch(/ü…$/);
  });

  it('names the method that the plugin leaves out', async () => {
    await host.plugin({});
    const error = await failureOf(host.client().stopContainer(stop));
    expect(error.code).toBe('UNIMPLEMENTED');
    expect(error.message).toContain('StopContainer of runtime.v1.RuntimeService');
  });

  it('says that the socket file is missing', async () => {
    const error = await failureOf(host.client().version(version));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toBe(`Version on ${host.address}: the socket file doesn't exist; is the plugin running?`);
  });

  it('says that nobody listens', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => free.once('listening', resolve));
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    const error = await failureOf(host.client({}, `127.0.0.1:${port}`).version(version));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toBe(`Version on 127.0.0.1:${port}: nobody listens there; is the plugin running?`);
  });

  it('holds none of the words of the library below when the peer is no gRPC server', async () => {
    const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(`${host.directory}/plugin.sock`);
    host.atEnd(() => void other.close());
    const error = await failureOf(host.client({ deadlineMs: 5000 }).version(version));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).not.toMatch(/14 UNAVAILABLE|No connection established|Resolution note|LB pick/);
  });

  it('says that the connection broke when the plugin dies during the call', async () => {
    const entered = Promise.withResolvers<void>();
    const served = await host.plugin({
      stopContainer: () => {
        entered.resolve();
        return new Promise(() => {});
      },
    });
    const failed = failureOf(host.client().stopContainer(stop));
    await entered.promise;
    await served.close(0);
    const error = await failed;
    expect(['UNAVAILABLE', 'CANCELLED']).toContain(error.code);
    expect(error.message).toContain(`StopContainer on ${host.address}: `);
  });
});

describe('reconnecting', () => {
  it('works at once when the plugin has come back', async () => {
    const runtime = host.client();
    const first = await host.plugin({ version: () => answer });
    await runtime.version(version);
    await first.close();
    for (let call = 0; call < 3; call++) expect((await failureOf(runtime.version(version))).code).toBe('UNAVAILABLE');
    await host.plugin({ version: () => answer });
    const startedAt = performance.now();
    expect(await runtime.version(version)).toEqual(answer);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('fails at once while the plugin is away, however often it is called', async () => {
    const runtime = host.client();
    const startedAt = performance.now();
    for (let call = 0; call < 20; call++) expect((await failureOf(runtime.version(version))).code).toBe('UNAVAILABLE');
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});

describe('an address', () => {
  it.each(['plugin.sock', 'unix:plugin.sock', 'unix://relative/x.sock', 'localhost', 'host:99999', ''])(
    '%j is refused with its form',
    (bad) => {
      expect(() => connect(RuntimeServiceService, bad)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(JSON.stringify(bad)) }),
      );
    },
  );
});
