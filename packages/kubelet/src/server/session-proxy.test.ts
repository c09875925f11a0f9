import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { join } from 'node:path';
import { type Duplex, PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';
import type { NodeView } from './node-view.ts';
import { SessionProxy } from './session-proxy.ts';

let node: TestNode;
let streaming: Server;

/** A runtime's streaming server that answers an upgrade with what it was asked, then repeats what it is told. */
beforeEach(async () => {
  streaming = createServer((_request, response) => void response.writeHead(400).end('no upgrade')).listen(0, '127.0.0.1');
  streaming.on('upgrade', ({ url, headers }: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (headers.upgrade === 'nonsense') return void socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 8\r\n\r\nno sense');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${headers.upgrade}\r\nX-Asked: ${url}\r\n\r\n`);
    socket.write(head);
    socket.pipe(socket);
  });
  await once(streaming, 'listening');
  node = await TestNode.create();
  const { port } = streaming.address() as { port: number };
  node.runtime.streamingUrl = `http://127.0.0.1:${port}`;
  await mkdir(join(node.root, 'manifests'));
  await node.write('manifests/a.yaml', podYaml('a', '  containers: [{name: main, image: "a:1"}]\n'));
  await node.kubelet.start();
  await node.until('a', isReady);
});

afterEach(async () => {
  await node.remove();
  streaming.close();
});

async function upgrade(path: string, protocol = 'SPDY/3.1'): Promise<{ asked: URL; socket: Duplex }> {
  const headers = { Connection: 'Upgrade', Upgrade: protocol };
  const sent = request({ socketPath: node.socket, path, method: 'POST', headers }).end();
  const { promise, resolve, reject } = Promise.withResolvers<{ asked: URL; socket: Duplex }>();
  sent.once('upgrade', (response, socket) => resolve({ asked: new URL(String(response.headers['x-asked']), 'http://runtime'), socket }));
  sent.once('response', (response) => void text(response).then((body) => reject(new Error(`${response.statusCode} ${body}`)), reject));
  sent.once('error', reject);
  return promise;
}

it.each([
  [
    '/exec/default/a/main?command=echo&command=a%20b&input=1&output=1&error=1',
    { cmd: ['echo', 'a b'], stdin: true, stdout: true, stderr: true, tty: false },
  ],
  ['/exec/default/a/UID/main?command=sh&output=1&error=1&tty=1', { cmd: ['sh'], stdin: false, stdout: true, stderr: false, tty: true }],
  ['/attach/default/a/main?input=1&output=1', { stdin: true, stdout: true, stderr: false, tty: false }],
  ['/portForward/default/a?port=80&port=443', { port: [80, 443] }],
])('%s is relayed to where the runtime serves it, half by half', async (path, request) => {
  const { asked, socket } = await upgrade(path.replace('UID', node.pod('a')?.metadata?.uid ?? ''));
  expect(JSON.parse(asked.searchParams.get('request') ?? '')).toMatchObject(request);
  socket.end('hello');
  expect(Buffer.concat(await socket.toArray()).toString()).toBe('hello');
});

it.each([
  ['/exec/default/a/some-uid/main?command=true&output=1', /^404 pod default\/a: no such pod/],
  ['/exec/default/b/main?command=true&output=1', /^404 pod default\/b: no such pod/],
  ['/exec/default/a/side?command=true&output=1', /404 container side of pod default\/a/],
  ['/run/default/a/main?cmd=true', /404 no such path for an upgrade/],
])('%s is refused in words', async (path, why) => {
  await expect(upgrade(path)).rejects.toThrow(why);
});

it.each([
  ['/portForward/default/a', /400 query parameter "port" is required/],
  ['/portForward/default/a?port=99999', /400 "99999" is no port/],
  ['/portForward/default/a?port=80&port=', /400 "" is no port/],
])('a WebSocket for %s is refused before the runtime is asked', async (path, why) => {
  await expect(upgrade(path, 'websocket')).rejects.toThrow(why);
  expect(node.runtime.calls.filter((call) => call.startsWith('PortForward'))).toEqual([]);
});

it('a session of SPDY names its ports in its streams', async () => {
  const { asked } = await upgrade('/portForward/default/a');
  expect(JSON.parse(asked.searchParams.get('request') ?? '')).toMatchObject({ port: [] });
});

it("a runtime's refusal reaches the client", async () => {
  await expect(upgrade('/attach/default/a/main?output=1', 'nonsense')).rejects.toThrow('400 no sense');
});

it('a client that has gone by the time the runtime answers begins no session there', async () => {
  const begun: unknown[] = [];
  streaming.on('upgrade', ({ headers }: IncomingMessage) => begun.push(headers.upgrade));
  const answer = Promise.withResolvers<string>();
  const sessions = { attach: () => answer.promise } as unknown as NodeView['sessions'];
  const proxy = new SessionProxy({ pods: () => node.kubelet.pods(), sessions } as NodeView, { enabled: true, idleTimeoutMs: 60_000 });
  const [client, rawHeaders] = [new PassThrough(), ['Connection', 'Upgrade', 'Upgrade', 'late']];
  const handled = proxy.handle({ url: '/attach/default/a/main', method: 'POST', rawHeaders } as IncomingMessage, client, Buffer.alloc(0));
  proxy.close();
  await once(client, 'close');
  answer.resolve(node.runtime.streamingUrl);
  await handled;
  const { socket } = await upgrade('/attach/default/a/main?output=1', 'next');
  socket.destroy();
  expect(begun).toEqual(['next']);
});

it('a runtime that cannot be reached is named so, and open sessions end with the kubelet', async () => {
  const { socket } = await upgrade('/attach/default/a/main?output=1');
  socket.on('error', () => undefined).resume();
  node.runtime.streamingUrl = 'http://127.0.0.1:1';
  await expect(upgrade('/attach/default/a/main?output=1')).rejects.toThrow(/503 the runtime's streaming server can't be reached/);
  const closed = once(socket, 'close');
  await node.kubelet.stop({ removePods: false });
  await closed;
});
