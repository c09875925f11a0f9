import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HTTPGetAction } from '@berth/api/objects';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate, skipWithoutOpenssl } from '../../../../test/fixtures/certificate.ts';
import { makePod } from '../../testing/observed-pod.ts';
import type { HandlerTarget } from './handler-target.ts';
import { httpGet, httpRequestOf } from './http-get.ts';

const target = {
  pod: makePod(),
  container: { name: 'main', ports: [{ name: 'web', containerPort: 8080 }] },
  podIP: '127.0.0.1',
} as unknown as HandlerTarget;

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

const get = (action: HTTPGetAction, signal = AbortSignal.timeout(2000)) => httpGet(httpRequestOf(action, target, 'probe'), signal);

/** What a server is asked, and what the asker makes of its answer. */
async function asked(action: Partial<HTTPGetAction>, answer: RequestListener = (_, response) => void response.end('fine')) {
  const requests: IncomingMessage[] = [];
  const port = await listen(
    createServer((request, response) => {
      requests.push(request);
      answer(request, response);
    }),
  );
  return { answer: await get({ port, ...action }), requests, port };
}

describe('an HTTP handler', () => {
  it('asks for / with its own user agent, and takes any kind of answer', async () => {
    const { answer, requests } = await asked({});
    expect(answer).toEqual({ statusCode: 200, body: 'fine' });
    expect(requests[0]).toMatchObject({ url: '/', headers: { 'user-agent': 'kube-probe/1.36', accept: '*/*', connection: 'close' } });
  });

  it.each<[what: string, action: Partial<HTTPGetAction>, request: object]>([
    ['path with a query', { path: '/healthz?deep=1' }, { url: '/healthz?deep=1' }],
    ['path without a slash', { path: 'ready' }, { url: '/ready' }],
    ['host by a header', { httpHeaders: [{ name: 'Host', value: 'example.org' }] }, { headers: { host: 'example.org' } }],
    ['user agent', { httpHeaders: [{ name: 'User-Agent', value: 'me' }] }, { headers: { 'user-agent': 'me' } }],
    [
      'header twice',
      {
        httpHeaders: [
          { name: 'X-A', value: '1' },
          { name: 'x-a', value: '2' },
        ],
      },
      { headers: { 'x-a': '1, 2' } },
    ],
  ])('sends the %s that it is given', async (_what, action, request) => {
    expect((await asked(action)).requests[0]).toMatchObject(request);
  });

  it('leaves Accept out where it is given as empty', async () => {
    expect((await asked({ httpHeaders: [{ name: 'Accept', value: '' }] })).requests[0]?.headers).not.toHaveProperty('accept');
  });

  it('reads 10 KiB of an answer and hangs up', async () => {
    const { answer } = await asked({}, (_, response) => {
      response.write('x'.repeat(20 * 1024));
    });
    expect(answer.body).toHaveLength(10 * 1024);
  });

  it('follows redirects on the same host, with its headers', async () => {
    const { answer, requests } = await asked({ httpHeaders: [{ name: 'Host', value: 'example.org' }] }, (request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/there' }).end();
      else response.end('there');
    });
    expect(answer).toEqual({ statusCode: 200, body: 'there' });
    expect(requests.map(({ url, headers }) => [url, headers.host])).toEqual([
      ['/', 'example.org'],
      ['/there', 'example.org'],
    ]);
  });

  it('gives a redirect to another host as the answer', async () => {
    const { answer } = await asked(
      {},
      (_, response) => void response.writeHead(307, { location: 'http://elsewhere.invalid/' }).end('gone'),
    );
    expect(answer).toEqual({ statusCode: 307, body: 'gone' });
  });

  it('gives up after ten redirects', async () => {
    await expect(asked({}, (_, response) => void response.writeHead(301, { location: '/' }).end())).rejects.toThrow(
      /^Get "http:\/\/127\.0\.0\.1:\d+\/": stopped after 10 redirects$/,
    );
  });

  it('says in known words that nobody listens', async () => {
    const port = await listen(createServer());
    const closed = once(servers[0] as Server, 'close');
    servers[0]?.close();
    await closed;
    await expect(get({ port })).rejects.toThrow(`Get "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused`);
  });

  it('says that an answer takes too long', async () => {
    const port = await listen(createServer(() => undefined));
    await expect(get({ port }, AbortSignal.timeout(20))).rejects.toThrow('context deadline exceeded');
  });

  it('believes any certificate', async (context) => {
    skipWithoutOpenssl(context);
    const directory = mkdtempSync(join(tmpdir(), 'berth-probe-'));
    const { key, cert } = makeCertificate(directory);
    rmSync(directory, { recursive: true });
    const port = await listen(createTlsServer({ key, cert }, (_, response) => void response.end('safe')));
    expect(await get({ port, scheme: 'HTTPS' })).toEqual({ statusCode: 200, body: 'safe' });
  });

  it.each([
    [{ port: 'web' }, 'http://127.0.0.1:8080/'],
    [{ port: '81', path: '/a' }, 'http://127.0.0.1:81/a'],
    [{ port: 443, scheme: 'HTTPS', host: '::1' }, 'https://[::1]/'],
  ] as [HTTPGetAction, string][])('of %j goes to %s', (action, url) => {
    expect(httpRequestOf(action, target, 'probe').url.href).toBe(url);
  });

  it.each(['nope', 0, 65_536])('has no port %s', (port) => {
    expect(() => httpRequestOf({ port }, target, 'probe')).toThrow(`there is no port ${JSON.stringify(port)}`);
  });
});
