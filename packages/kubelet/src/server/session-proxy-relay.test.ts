import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate, skipWithoutOpenssl } from '../../../../test/fixtures/certificate.ts';
import { NodeRuntimes } from '../runtime/node-runtimes.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { RuntimeSessions } from '../runtime/runtime-sessions.ts';
import type { NodeView } from './node-view.ts';
import { SessionProxy } from './session-proxy.ts';

const pod = {
  metadata: { name: 'a', namespace: 'default' },
  spec: { containers: [{ name: 'main' }] },
  status: { containerStatuses: [{ name: 'main', containerID: 'test://c', state: { running: {} } }] },
};

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

type Attach = (request: unknown, options: { signal: AbortSignal }) => Promise<{ url: string }>;

/** A kubelet's server over a runtime that answers Attach by `attach`; gives its port. */
async function kubelet(attach: Attach, streamingCa?: string): Promise<number> {
  const client = { handler: 'test', runtime: { attach }, streamingCa } as unknown as RuntimeClient;
  const runtimes = new NodeRuntimes({ runtimes: new Map([['test', client]]), defaultHandler: 'test', runtimeClasses: [] });
  const node = { pods: () => [pod], sessions: new RuntimeSessions(runtimes) } as unknown as NodeView;
  const proxy = new SessionProxy(node, { enabled: true, idleTimeoutMs: 60_000 });
  const server = createServer().on('upgrade', (asked, socket, head) => void proxy.handle(asked, socket, head));
  closing.push(() => proxy.close());
  return listening(server);
}

function ask(port: number): ReturnType<typeof request> {
  const headers = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1' };
  return request({ port, host: '127.0.0.1', path: '/attach/default/a/main?output=1', method: 'POST', headers }).end();
}

function agree(_request: IncomingMessage, socket: Duplex): void {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
  socket.on('error', () => undefined).pipe(socket);
}

describe('a client that leaves before the runtime has said where its session is', () => {
  it('leaves no session behind', async () => {
    const asked: string[] = [];
    const streaming = createServer().on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      asked.push(request.url ?? '');
      agree(request, socket);
    });
    const origin = `http://127.0.0.1:${await listening(streaming)}`;
    const calls: { answer: (answer: { url: string }) => void; signal: AbortSignal }[] = [];
    const port = await kubelet((_request, { signal }) => new Promise((answer) => calls.push({ answer, signal })));
    const first = ask(port).on('error', () => undefined);
    await expect.poll(() => calls).toHaveLength(1);
    first.destroy();
    await expect.poll(() => calls[0]?.signal.aborted).toBe(true);
    const second = ask(port);
    await expect.poll(() => calls).toHaveLength(2);
    for (const [index, { answer }] of calls.entries()) answer({ url: `${origin}/attach/token-${index}` });
    const [, socket] = (await once(second, 'upgrade')) as [IncomingMessage, Socket];
    expect(asked).toEqual(['/attach/token-1']);
    socket.destroy();
  });
});

describe('a runtime that serves its sessions over HTTPS', () => {
  let directory: string | undefined;
  let origin: string;
  let authority: string;

  beforeEach(async (context) => {
    skipWithoutOpenssl(context);
    directory = await mkdtemp(join(tmpdir(), 'berth-tls-'));
    const { keyFile, cert } = makeCertificate(directory);
    authority = cert;
    origin = `https://127.0.0.1:${await listening(createTlsServer({ cert, key: await readFile(keyFile) }).on('upgrade', agree))}`;
  });

  afterEach(async () => {
    if (directory) await rm(directory, { recursive: true });
  });

  it('is reached by the authority that is configured for it', async () => {
    const asked = ask(await kubelet(async () => ({ url: `${origin}/attach/token` }), authority));
    const [, socket] = (await once(asked, 'upgrade')) as [IncomingMessage, Socket];
    socket.end('there and back');
    expect(Buffer.concat(await socket.toArray()).toString()).toBe('there and back');
  });

  it('is not reached where nobody vouches for it', async () => {
    const asked = ask(await kubelet(async () => ({ url: `${origin}/attach/token` })));
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(503);
    expect(Buffer.concat(await response.toArray()).toString()).toMatch(/streaming server can't be reached: self-signed certificate/);
  });
});
