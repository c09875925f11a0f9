import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import { createServer, connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from './connect.ts';
import { ContainerEventResponse, GetEventsRequest, RuntimeServiceService, VersionRequest, VersionResponse } from './gen/cri.ts';
import { encodeHeaderBlock } from './header-block.ts';
import { clientPreface, frameFlag, frameType } from './http2-frames.ts';
import { serve } from './serve.ts';

let directory: string;
let path: string;
let undo: (() => Promise<unknown> | unknown)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-authority-'));
  path = join(directory, 'plugin.sock');
  undo = [() => rm(directory, { recursive: true, force: true })];
  const served = await serve(`unix://${path}`, [
    [
      RuntimeServiceService,
      {
        version: ({ version }) => VersionResponse.create({ version }),
        async *getContainerEvents() {
          for (let i = 0; i < 200; i++) yield ContainerEventResponse.create({ containerId: 'x'.repeat(10_000) });
        },
      },
    ],
  ]);
  undo.push(() => served.close(0));
});

afterEach(async () => {
  for (const step of undo.reverse()) await step();
});

const { version } = RuntimeServiceService;

function message(text: string): Buffer {
  const body = version.requestSerialize({ version: text });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

/** Every printable ASCII character, which is all that gRPC metadata may hold. */
const printable = String.fromCharCode(...Array.from({ length: 0x7f - 0x20 }, (_, i) => 0x20 + i)).trim();

describe('a client of nghttp2, which compresses with the dynamic table', () => {
  /** One call over `session`: its grpc-status and the length of what was answered. */
  async function call(
    session: http2.ClientHttp2Session,
    headers: http2.OutgoingHttpHeaders,
    text = 'v1',
  ): Promise<{ status: unknown; bytes: number }> {
    const stream = session.request({
      ':method': 'POST',
      ':path': version.path,
      te: 'trailers',
      'content-type': 'application/grpc',
      ...headers,
    });
    let status: unknown;
    let bytes = 0;
    stream.on('response', (answer) => {
      status = answer['grpc-status'];
    });
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    stream.end(message(text));
    for await (const chunk of stream) bytes += (chunk as Buffer).length;
    return { status, bytes };
  }

  function session(): http2.ClientHttp2Session {
    const made = http2.connect('http://localhost', { createConnection: () => dial(path) });
    undo.push(() => made.destroy());
    return made;
  }

  it.each([
    ['the path of the socket', '/run/containerd/containerd.sock'],
    ['a percent-encoded path', '%2Frun%2Fx.sock'],
    ['a name', 'localhost'],
    ['spaces and slashes', 'a b/c'],
  ])('may send %s as :authority', async (_what, authority) => {
    expect((await call(session(), { ':authority': authority })).status).toBe('0');
  });

  it('may send changing authorities and headers over one connection', async () => {
    const shared = session();
    for (let i = 0; i < 50; i++) {
      const authority = i % 3 === 0 ? 'localhost' : `/run/${i}.sock`;
      const result = await call(shared, { ':authority': authority, 'x-round': `${i}`, 'x-same': 'y'.repeat(100) });
      expect(result.status).toBe('0');
    }
  });

  it('may send many calls at once', async () => {
    const shared = session();
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => call(shared, { ':authority': '/x.sock', 'x-i': `${i}` }, 'v'.repeat(i * 500))),
    );
    expect(results.map(({ status }) => status)).toEqual(Array(100).fill('0'));
    expect(results.map(({ bytes }) => bytes)).toEqual(results.map((_, i) => message('v'.repeat(i * 500)).length));
  });

  it('may send every printable character in metadata', async () => {
    expect((await call(session(), { ':authority': '/x.sock', 'x-all': printable })).status).toBe('0');
  });

  it('may send header lists larger than one frame', async () => {
    const headers = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`x-${i}`, `~${i}`.repeat(250)]));
    expect((await call(session(), { ':authority': '/x.sock', ...headers })).status).toBe('0');
  });
});

describe('a grpc client that sends the socket path as authority', () => {
  function client(): Client {
    const made = new Client(`unix://${path}`, credentials.createInsecure(), { 'grpc.default_authority': path });
    undo.push(() => made.close());
    return made;
  }

  it('gets its metadata, large messages and streams through', async () => {
    const { getContainerEvents } = RuntimeServiceService;
    const stream = client().makeServerStreamRequest(
      getContainerEvents.path,
      getContainerEvents.requestSerialize,
      getContainerEvents.responseDeserialize,
      GetEventsRequest.create(),
      new Metadata(),
    );
    let bytes = 0;
    for await (const { containerId } of stream) bytes += containerId.length;
    expect(bytes).toBe(2_000_000);
  });

  it('gets a message of several megabytes through', async () => {
    const large = VersionRequest.create({ version: 'v'.repeat(3_000_000) });
    const { promise, resolve, reject } = Promise.withResolvers<VersionResponse | undefined>();
    client().makeUnaryRequest(version.path, version.requestSerialize, version.responseDeserialize, large, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
    expect((await promise)?.version).toHaveLength(3_000_000);
  });
});

describe('frames written by hand', () => {
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const fields = (authority: string) =>
    [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', version.path],
      [':authority', authority],
      ['te', 'trailers'],
      ['content-type', 'application/grpc'],
    ].map(([name, value]) => ({ name: name as string, value: value as string, neverIndex: false }));

  function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
    const header = Buffer.alloc(9);
    header.writeUIntBE(payload.length, 0, 3);
    header[3] = type;
    header[4] = flags;
    header.writeUInt32BE(streamId, 5);
    return Buffer.concat([header, payload]);
  }

  const data = frame(0, frameFlag.endStream, 1, message('v1'));

  function dialled(): Socket {
    const socket = dial(path);
    undo.push(() => socket.destroy());
    return socket;
  }

  /** Reads until the server has said grpc-status 0 (an answer's trailers hold the name as a literal) or hung up. */
  async function answered(socket: Socket): Promise<boolean> {
    let seen = Buffer.alloc(0);
    for await (const chunk of socket) {
      seen = Buffer.concat([seen, chunk as Buffer]);
      if (typesOf(seen).includes(0)) return true;
    }
    return false;
  }

  function typesOf(bytes: Buffer): number[] {
    const types: number[] = [];
    for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) types.push(bytes.readUInt8(at + 3));
    return types;
  }

  it('may come byte by byte', async () => {
    const socket = dialled();
    const block = encodeHeaderBlock(fields('/run/x.sock'));
    const bytes = Buffer.concat([clientPreface, settings, frame(frameType.headers, frameFlag.endHeaders, 1, block), data]);
    socket.setNoDelay(true);
    for (const byte of bytes) {
      socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    expect(await answered(socket)).toBe(true);
  });

  it('may carry padding, priority and CONTINUATION frames, empty ones too', async () => {
    const socket = dialled();
    const block = encodeHeaderBlock(fields('/run/x.sock'));
    const padded = Buffer.concat([Buffer.of(7), Buffer.from([0, 0, 0, 0, 15]), block.subarray(0, 10), Buffer.alloc(7)]);
    socket.write(
      Buffer.concat([
        clientPreface,
        settings,
        frame(frameType.headers, frameFlag.padded | frameFlag.priority, 1, padded),
        frame(frameType.continuation, 0, 1, Buffer.alloc(0)),
        frame(frameType.continuation, 0, 1, block.subarray(10, 40)),
        frame(frameType.continuation, frameFlag.endHeaders, 1, block.subarray(40)),
        data,
      ]),
    );
    expect(await answered(socket)).toBe(true);
  });

  it('may leave the authority out', async () => {
    const socket = dialled();
    const block = encodeHeaderBlock(fields('').filter(({ name }) => name !== ':authority'));
    socket.write(Buffer.concat([clientPreface, settings, frame(frameType.headers, frameFlag.endHeaders, 1, block), data]));
    expect(await answered(socket)).toBe(true);
  });

  const broken: [string, Buffer[]][] = [
    [
      'a header block that is no HPACK',
      [frame(frameType.headers, frameFlag.endHeaders, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ],
    ['padding longer than its frame', [frame(frameType.headers, frameFlag.endHeaders | frameFlag.padded, 1, Buffer.of(200, 1, 2))]],
    ['a frame inside a header block', [frame(frameType.headers, 0, 1, Buffer.alloc(0)), frame(6, 0, 0, Buffer.alloc(8))]],
    [
      'a header block without an end',
      [frame(frameType.headers, 0, 1, Buffer.alloc(0)), ...Array(10_000).fill(frame(frameType.continuation, 0, 1, Buffer.alloc(0)))],
    ],
    ['a header frame larger than allowed', [frame(frameType.headers, frameFlag.endHeaders, 1, Buffer.alloc(20_000))]],
    [
      'a few bytes that stand for megabytes',
      [
        frame(
          frameType.headers,
          frameFlag.endHeaders,
          1,
          // One entry of the dynamic table, named again and again by a byte each.
          Buffer.concat([
            encodeHeaderBlock(fields('/x')),
            Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]),
            Buffer.alloc(4000, 0x62),
            Buffer.alloc(10_000, 0x80 | 62),
          ]),
        ),
      ],
    ],
  ];

  it.each(broken)('that hold %s end that connection, and the server goes on', async (_what, frames) => {
    const socket = dialled();
    socket.on('error', () => {});
    socket.write(Buffer.concat([clientPreface, settings, ...frames]));
    expect(await answered(socket).catch(() => false)).toBe(false);
    const runtime = connect(RuntimeServiceService, `unix://${path}`);
    undo.push(() => runtime.close());
    expect((await runtime.version({ version: 'v1' })).version).toBe('v1');
  });
});

it('is what a plain server lacks: Node refuses the path of a socket as authority', async () => {
  const plain = http2.createServer();
  const front = createServer((socket) => plain.emit('connection', socket)).listen(join(directory, 'plain.sock'));
  undo.push(() => front.close());
  const session = http2.connect('http://localhost', { createConnection: () => dial(join(directory, 'plain.sock')) });
  undo.push(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': '/run/x.sock' });
  await expect(new Promise((_resolve, reject) => stream.on('error', reject))).rejects.toThrow('PROTOCOL_ERROR');
});
