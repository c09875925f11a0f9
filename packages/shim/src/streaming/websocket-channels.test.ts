import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { WebSocketChannels } from './websocket-channels.ts';

const kibibytes = 1024;

let listener: WebSocketServer;
let client: WebSocket;
let channels: WebSocketChannels;

beforeEach(async () => {
  listener = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[WebSocket]>;
  client = new WebSocket(`ws://127.0.0.1:${(listener.address() as AddressInfo).port}`);
  const [socket] = await accepted;
  if (client.readyState !== WebSocket.OPEN) await once(client, 'open');
  channels = new WebSocketChannels(socket, { base64: false, closeSignal: true });
});

afterEach(() => {
  client.terminate();
  listener.close();
});

function send(channel: number, data: Uint8Array): void {
  client.send(Buffer.concat([Buffer.of(channel), data]));
}

/** What `sends` sends goes out in one piece, as far as it goes. */
function inOnePiece(sends: () => void): void {
  const { _socket: tcp } = client as unknown as { _socket: Socket };
  tcp.cork();
  sends();
  tcp.uncork();
}

describe('WebSocketChannels', () => {
  it('goes on reading the connection when the channel that was full has ended', async () => {
    const input = channels.readable(0);
    inOnePiece(() => {
      send(0, Buffer.alloc(100 * kibibytes));
      client.send(Buffer.of(255, 0));
    });
    await expect.poll(() => input.readableLength).toBe(100 * kibibytes);
    client.ping();
    await once(client, 'pong');
    expect(Buffer.concat(await input.toArray())).toHaveLength(100 * kibibytes);
  });

  it('does not let the reader of one channel fill another that nobody reads', async () => {
    const [input, sizes] = [channels.readable(0), channels.readable(4)];
    let seen = 0;
    sizes.on('data', () => seen++);
    inOnePiece(() => {
      for (let turn = 0; turn < 50; turn++) {
        send(0, Buffer.alloc(100 * kibibytes));
        send(4, Buffer.from('{}'));
      }
    });
    await expect.poll(() => seen).toBeGreaterThan(0);
    await answeredElsewhere();
    expect(input.readableLength).toBeLessThan(300 * kibibytes);
    input.resume();
    await expect.poll(() => seen).toBe(50);
  });

  it('gives what came before the client closed the connection to who reads it later', async () => {
    const input = channels.readable(0);
    send(0, Buffer.alloc(10 * kibibytes));
    client.close();
    if (!channels.gone.aborted) await once(channels.gone, 'abort');
    expect(Buffer.concat(await input.toArray())).toHaveLength(10 * kibibytes);
  });

  it('drops what comes on a channel after its end', async () => {
    const input = channels.readable(0);
    inOnePiece(() => {
      send(0, Buffer.from('before'));
      client.send(Buffer.of(255, 0));
      client.send(Buffer.of(255, 0));
      send(0, Buffer.from('after'));
      client.ping();
    });
    await once(client, 'pong');
    expect(Buffer.concat(await input.toArray()).toString()).toBe('before');
  });
});

/** Resolves when several messages have gone there and back over another connection: what was on its way by then has come. */
async function answeredElsewhere(): Promise<void> {
  const other = new WebSocket(`ws://127.0.0.1:${(listener.address() as AddressInfo).port}`);
  await once(other, 'open');
  for (let turn = 0; turn < 100; turn++) {
    other.ping();
    await once(other, 'pong');
  }
  other.terminate();
}
