import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SpdyConnection } from './connection.ts';
import { encodeFrame, type Frame, FrameReader, rstStatus } from './frames.ts';
import { HeaderPacker } from './header-block.ts';
import type { SpdyStream } from './stream.ts';

let sockets: { client: Socket; server: Socket };

beforeEach(async () => {
  const listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connect((listener.address() as { port: number }).port, '127.0.0.1');
  const [server] = (await once(listener, 'connection')) as [Socket];
  listener.close();
  sockets = { client, server };
});

afterEach(() => {
  sockets.client.destroy();
  sockets.server.destroy();
});

function pair(onStream: (stream: SpdyStream) => void): { client: SpdyConnection; server: SpdyConnection } {
  return {
    server: new SpdyConnection(sockets.server, { role: 'server', onStream }),
    client: new SpdyConnection(sockets.client, { role: 'client' }),
  };
}

describe('SpdyConnection', () => {
  it('opens streams with headers, carries data both ways, and closes each half by itself', async () => {
    const { client } = pair((stream) => void text(stream).then((received) => stream.end(`${stream.headers.streamtype}: ${received}`)));
    const streams = await Promise.all(['stdin', 'error'].map((streamType) => client.open({ streamType })));
    for (const stream of streams) stream.end('hello');
    expect(await Promise.all(streams.map((stream) => text(stream)))).toEqual(['stdin: hello', 'error: hello']);
    client.destroy();
  });

  it('keeps the bytes of a large transfer in order, without WINDOW_UPDATE', async () => {
    const { client } = pair((stream) => void stream.pipe(stream));
    const stream = await client.open({});
    const sent = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => index % 251));
    stream.end(sent);
    const received: Buffer[] = [];
    for await (const chunk of stream) received.push(chunk as Buffer);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
    client.destroy();
  });

  it('stops reading while nobody takes the data, and goes on when somebody does', async () => {
    const opened = Promise.withResolvers<SpdyStream>();
    const { client } = pair(opened.resolve);
    const stream = await client.open({});
    const receiver = await opened.promise;
    const total = 64 * 1024 * 1024;
    let written = 0;
    const writing = (async () => {
      for (; written < total; written += 65_536) if (!stream.write(Buffer.alloc(65_536))) await once(stream, 'drain');
      stream.end();
    })();
    await expect.poll(() => receiver.readableLength, { timeout: 5000 }).toBeGreaterThan(0);
    const stalledAt = await settled(() => written);
    expect(stalledAt).toBeLessThan(total / 2);
    expect(receiver.readableLength).toBeLessThan(1_000_000);
    let read = 0;
    for await (const chunk of receiver) read += (chunk as Buffer).length;
    await writing;
    expect(read).toBe(total);
    client.destroy();
  });

  it('ends streams when the other side goes away', async () => {
    const opened = Promise.withResolvers<SpdyStream>();
    const { client, server } = pair(opened.resolve);
    await client.open({});
    const stream = await opened.promise;
    const failed = once(stream, 'error');
    client.destroy();
    await server.closed;
    expect(await failed).toMatchObject([{ code: 'UNAVAILABLE' }]);
  });

  it('answers no reset by another', async () => {
    const opened = Promise.withResolvers<SpdyStream>();
    new SpdyConnection(sockets.server, { role: 'server', onStream: opened.resolve });
    const [packer, reader, answers] = [new HeaderPacker(), new FrameReader(), [] as Frame[]];
    sockets.client.on('data', (bytes) => answers.push(...reader.read(bytes)));
    sockets.client.write(encodeFrame({ type: 'synStream', streamId: 1, fin: false, headers: await packer.pack({}) }));
    const ended = once(await opened.promise, 'error');
    sockets.client.write(encodeFrame({ type: 'rstStream', streamId: 1, status: rstStatus.cancel }));
    await ended;
    sockets.client.write(encodeFrame({ type: 'ping', id: 1 }));
    await expect.poll(() => answers.map(({ type }) => type)).toEqual(['synReply', 'ping']);
    packer.close();
  });

  it('drops what comes on a stream after its end, and gives all that came before', async () => {
    const opened = Promise.withResolvers<SpdyStream>();
    new SpdyConnection(sockets.server, { role: 'server', onStream: opened.resolve });
    const packer = new HeaderPacker();
    const data = (text: string, fin: boolean) => encodeFrame({ type: 'data', streamId: 1, fin, data: Buffer.from(text) });
    sockets.client.write(encodeFrame({ type: 'synStream', streamId: 1, fin: false, headers: await packer.pack({}) }));
    sockets.client.write(Buffer.concat([data('before', false), data(' the end', true), data(' after', false)]));
    const stream = await opened.promise;
    await expect.poll(() => stream.readableLength).toBeGreaterThan(8);
    expect(await text(stream)).toBe('before the end');
    packer.close();
  });

  it('answers a ping of the other side', async () => {
    new SpdyConnection(sockets.server, { role: 'server' });
    const ping = encodeFrame({ type: 'ping', id: 7 });
    sockets.client.write(ping);
    expect(await once(sockets.client, 'data')).toEqual([ping]);
  });

  it('ends at garbage', async () => {
    const server = new SpdyConnection(sockets.server, { role: 'server', onStream: () => undefined });
    sockets.client.on('error', () => undefined).resume();
    sockets.client.write(Buffer.alloc(100, 0xff));
    await server.closed;
    expect(sockets.server.destroyed).toBe(true);
  });

  it('refuses streams where it expects none', async () => {
    new SpdyConnection(sockets.server, { role: 'server' });
    const client = new SpdyConnection(sockets.client, { role: 'client' });
    const stream = await client.open({});
    expect(await once(stream, 'error')).toMatchObject([{ code: 'UNAVAILABLE' }]);
    client.destroy();
  });
});

/** The value once it stays the same for a while. */
async function settled(value: () => number): Promise<number> {
  const seen: number[] = [];
  const isSettled = (): boolean => {
    seen.push(value());
    return seen.length > 6 && seen.slice(-6).every((one) => one === seen.at(-1));
  };
  await expect.poll(isSettled, { timeout: 10_000, interval: 30 }).toBe(true);
  return value();
}
