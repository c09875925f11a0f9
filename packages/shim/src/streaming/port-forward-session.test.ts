import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { SpdyClient } from '@berth/conformance/spdy-client';
import { NamespaceMode } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { TestShim } from '../../testing/test-shim.ts';
import { WebSocketClient } from '../../testing/websocket-client.ts';

let shim: TestShim;
let podSandboxId: string;
let listener: Server;
let port: number;

beforeEach(async () => {
  shim = await TestShim.start();
  podSandboxId = await shim.runPod({ linux: { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } } });
  // Says what it was told once the client has finished.
  listener = createServer({ allowHalfOpen: true }, (socket) => {
    const told: Buffer[] = [];
    socket
      .on('data', (chunk) => told.push(chunk))
      .on('end', () => void (socket.writableEnded || socket.end(`told ${Buffer.concat(told)}`)));
    socket.write('welcome ');
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  port = (listener.address() as { port: number }).port;
});

afterEach(async () => {
  listener.close();
  await shim.close();
});

async function url(ports: number[] = []): Promise<string> {
  return (await shim.runtime.portForward({ podSandboxId, port: ports })).url;
}

async function pair(client: SpdyClient, requestid: string, to = port): Promise<{ error: number; data: number }> {
  const headers = { port: String(to), requestid };
  return {
    error: await client.openStream({ streamtype: 'error', ...headers }),
    data: await client.openStream({ streamtype: 'data', ...headers }),
  };
}

describe('port-forward over SPDY', () => {
  it('carries connections beside each other, with each half closed by itself', async () => {
    const client = await SpdyClient.open(await url(), 'portforward.k8s.io');
    const pairs = [await pair(client, '0'), await pair(client, '1'), await pair(client, '2')];
    for (const [index, { data, error }] of pairs.entries()) {
      client.send(error, '', true);
      client.send(data, `number ${index}`, true);
    }
    for (const [index, { data, error }] of pairs.entries()) {
      await expect.poll(() => client.hasEnded(data) && client.hasEnded(error)).toBe(true);
      expect([client.received(data), client.received(error)]).toEqual([`welcome told number ${index}`, '']);
    }
    client.socket.destroy();
  });

  it('tells on the error stream where nothing listens, and goes on', async () => {
    const client = await SpdyClient.open(await url(), 'portforward.k8s.io');
    const refused = await pair(client, '0', 1);
    await expect.poll(() => client.hasEnded(refused.error)).toBe(true);
    expect(client.received(refused.error)).toMatch(/^error forwarding port 1 to sandbox .*: port 1 on the pod's loopback: no connection/);
    const { data } = await pair(client, '1');
    client.send(data, 'x', true);
    await expect.poll(() => client.received(data)).toBe('welcome told x');
    client.socket.destroy();
  });

  it('resets streams without a port, without a request, and of another type', async () => {
    const client = await SpdyClient.open(await url(), 'portforward.k8s.io');
    for (const headers of [
      { streamtype: 'data', requestid: '1' },
      { streamtype: 'data', port: '80' },
      { streamtype: 'stdin', port: '80', requestid: '2' },
      { streamtype: 'data', port: '70000', requestid: '3' },
    ]) {
      const id = await client.openStream(headers as unknown as Record<string, string>);
      await expect.poll(() => client.hasEnded(id)).toBe(true);
    }
    client.socket.destroy();
  });

  it('ends its connections to the pod with the client', async () => {
    const accepted = once(listener, 'connection') as Promise<[Socket]>;
    const client = await SpdyClient.open(await url(), 'portforward.k8s.io');
    await pair(client, '0');
    const [socket] = await accepted;
    const closed = once(socket, 'close');
    client.socket.destroy();
    await closed;
  });

  it('tells no error to a client that drops its side once it has read all, and ends the error stream with what the pod sends', async () => {
    const client = await SpdyClient.open(await url(), 'portforward.k8s.io');
    listener.once('connection', (socket) => socket.end('bye'));
    const { data, error } = await pair(client, '0');
    await expect.poll(() => client.hasEnded(data) && client.hasEnded(error)).toBe(true);
    client.reset(data);
    const next = await pair(client, '1');
    client.send(next.data, 'x', true);
    await expect.poll(() => client.received(next.data)).toBe('welcome told x');
    expect([client.received(data), client.received(error)]).toEqual(['welcome bye', '']);
    client.socket.destroy();
  });

  it('is tunnelled in a WebSocket', async () => {
    const protocol = 'SPDY/3.1+portforward.k8s.io';
    const socket = new TunnelSocket((await url()).replace(/^http/, 'ws'), protocol);
    await once(socket, 'open');
    const client = new SpdyClient(createWebSocketStream(socket) as unknown as Socket);
    const { data } = await pair(client, '0');
    client.send(data, 'through', true);
    await expect.poll(() => client.received(data)).toBe('welcome told through');
    socket.terminate();
  });
});

describe('port-forward over WebSocket', () => {
  it('names the ports first, then carries one connection each', async () => {
    const client = await WebSocketClient.open(await url([port, 1]), 'v4.channel.k8s.io');
    await expect.poll(() => client.bytes(0).subarray(2).toString()).toBe('welcome ');
    await expect.poll(() => client.bytes(3).subarray(2).toString()).toMatch(/error forwarding port 1/);
    expect(client.bytes(0).readUInt16LE()).toBe(port);
    expect(client.bytes(1).readUInt16LE()).toBe(port);
    client.socket.terminate();
  });

  it('ends where the pod ends it, since the client has no way to end its side', async () => {
    listener.once('connection', (socket) => socket.end('bye'));
    const client = await WebSocketClient.open(await url([port]), 'v4.channel.k8s.io');
    await once(client.socket, 'close');
    expect(client.bytes(0).subarray(2).toString()).toBe('welcome bye');
  });
});

describe('PortForward', () => {
  it('refuses a port that is none, and pods without a network', async () => {
    await expect(url([70_000])).rejects.toThrow(/port: 70000 is none/);
    podSandboxId = await shim.runPod({ metadata: { name: 'alone', namespace: 'default', uid: 'uid-2', attempt: 0 } });
    await expect(url()).rejects.toMatchObject({ code: 'UNIMPLEMENTED', message: expect.stringContaining('have no network') });
  });
});

/** ws checks names of subprotocols, and this one has a slash. */
class TunnelSocket extends WebSocket {
  constructor(url: string, protocol: string) {
    super(url, { headers: { 'Sec-WebSocket-Protocol': protocol } });
    this.once('upgrade', (response) => delete response.headers['sec-websocket-protocol']);
  }
}
