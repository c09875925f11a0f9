import { once } from 'node:events';
import { connect } from 'node:net';
import { SpdyClient, upgrade } from '@berth/conformance/spdy-client';
import * as fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';
import { WebSocketClient } from '../../testing/websocket-client.ts';
import type { RemoteCommand } from './remote-command.ts';
import { SessionTokens } from './session-tokens.ts';
import { StreamingServer } from './streaming-server.ts';

const webSocketHeaders = {
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': 'v5.channel.k8s.io',
};

let server: StreamingServer;

/** A command that ends once its input has, and prints that. */
const command: RemoteCommand = {
  kind: 'exec',
  object: 'container main',
  streams: { stdin: true, stdout: true, stderr: false, tty: false },
  async run({ stdin, stdout }, signal) {
    for await (const chunk of stdin ?? []) stdout.write(chunk);
    signal.throwIfAborted();
    return 0;
  },
};

async function start(
  options: { address?: string; idleTimeoutMs?: number; mostWaiting?: number; mostOpen?: number } = {},
): Promise<StreamingServer> {
  const started = new StreamingServer({ address: '127.0.0.1:0', log: pino({ level: 'silent' }), ...options });
  await started.listen();
  return started;
}

beforeEach(async () => {
  server = await start();
});

afterEach(() => server.close());

function open(url: string): Promise<WebSocketClient> {
  return WebSocketClient.open(url);
}

describe('StreamingServer', () => {
  it('takes each token once', async () => {
    const url = server.url(command);
    const client = await open(url);
    await expect(open(url)).rejects.toThrow(/404/);
    await expect(SpdyClient.open(url)).rejects.toMatchObject({ status: 404, message: expect.stringContaining('no session by this token') });
    client.socket.terminate();
  });

  it('takes no token that it has not given, nor one for another kind of session', async () => {
    const url = server.url(command);
    await expect(open(url.replace(/.{4}$/, 'xxxx'))).rejects.toThrow(/404/);
    await expect(open(url.replace('/exec/', '/attach/'))).rejects.toThrow(/404/);
    await expect(open(`${url}/more`)).rejects.toThrow(/404/);
  });

  it('answers a request without an upgrade, and leaves the token good', async () => {
    const url = server.url(command);
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('no upgrade to SPDY/3.1 or websocket')]);
    (await open(url)).socket.terminate();
  });

  it('refuses an upgrade to anything else', async () => {
    const url = server.url(command);
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 400 .*only SPDY\/3.1 and websocket/s);
  });

  it('refuses more sessions than are allowed to wait', async () => {
    const urls = Array.from({ length: 1000 }, () => server.url(command));
    for (let asked = urls.length; asked < 10_000; asked++) {
      expect(() => server.url(command)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
    }
    (await open(urls[500] ?? '')).socket.terminate();
    expect(server.url(command)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/exec\/[\w-]{32}$/);
    expect(() => server.url(command)).toThrow(/1000 sessions have been asked for and not been used; connect to them, or wait 60 s/);
  });

  it('refuses more sessions than are allowed to go on', async () => {
    await server.close();
    server = await start({ mostOpen: 1 });
    const client = await open(server.url(command));
    expect(() => server.url(command)).toThrow(/1 sessions are going on/);
    client.socket.send(Buffer.from([255, 0]));
    await client.closed;
    await expect.poll(() => server.url(command)).toContain('/exec/');
  });

  it('ends a session without data, and not one with some', async () => {
    await server.close();
    server = await start({ idleTimeoutMs: 300 });
    const [idle, busy] = [await open(server.url(command)), await open(server.url(command))];
    const talking = setInterval(() => busy.send(0, '.'), 50);
    await idle.closed;
    await expect.poll(() => busy.received(1).length, { timeout: 5000 }).toBeGreaterThan(8);
    clearInterval(talking);
    await busy.closed;
  });

  it('ends all sessions when it closes', async () => {
    const [first, second] = [await open(server.url(command)), await SpdyClient.open(server.url(command))];
    await server.close();
    await first.closed;
    if (!second.socket.closed) await once(second.socket, 'close');
    server = await start();
  });

  it('survives garbage after the upgrade', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.boolean(), async (garbage, spdy) => {
        const { socket } = await upgrade(server.url(command), spdy ? { Upgrade: 'SPDY/3.1' } : webSocketHeaders);
        socket
          .on('error', () => undefined)
          .resume()
          .end(garbage);
        await once(socket, 'close');
      }),
      { numRuns: 60 },
    );
    const client = await open(server.url(command));
    client.send(0, 'still here');
    client.socket.send(Buffer.from([255, 0]));
    expect(await client.status()).toMatchObject({ status: 'Success' });
    expect(client.received(1)).toBe('still here');
  });

  it('ends a connection with a message that is too large', async () => {
    const client = await open(server.url(command));
    client.socket.on('error', () => undefined);
    client.send(0, Buffer.alloc(33 * 1024 * 1024));
    expect([1006, 1009]).toContain(await client.closed);
  });

  it.each(['WebSocket', 'SPDY'])('gives all that was printed before the status, over %s', async (transport) => {
    const printed = Buffer.alloc(3_000_000, 0x61);
    const url = server.url({
      ...command,
      async run({ stdout }) {
        for (let at = 0; at < printed.length; at += 100_000) stdout.write(printed.subarray(at, at + 100_000));
        return 0;
      },
    });
    expect((await (transport === 'SPDY' ? outputOverSpdy(url) : outputOverWebSocket(url))).length).toBe(printed.length);
  });

  it('refuses an address that is none, or is taken', async () => {
    await expect(start({ address: 'unix:///tmp/x' })).rejects.toThrow(/it must be a TCP address/);
    const { port } = new URL(server.url(command));
    await expect(start({ address: `127.0.0.1:${port}` })).rejects.toThrow(/choose another port/);
  });
});

async function outputOverWebSocket(url: string): Promise<string> {
  const client = await open(url);
  await client.status();
  return client.received(1);
}

async function outputOverSpdy(url: string): Promise<string> {
  const client = await SpdyClient.open(url);
  const [error, , stdout] = [
    await client.openStream({ streamtype: 'error' }),
    await client.openStream({ streamtype: 'stdin' }),
    await client.openStream({ streamtype: 'stdout' }),
  ];
  await client.ended([error, stdout]);
  return client.received(stdout);
}

describe('SessionTokens', () => {
  it('lets a token expire after a minute', () => {
    let now = 0;
    const tokens = new SessionTokens<string>({}, () => now);
    const [first, second] = [tokens.issue('first'), tokens.issue('second')];
    now = 59_999;
    expect(tokens.redeem(first)).toBe('first');
    expect(tokens.redeem(first)).toBeUndefined();
    now = 60_000;
    expect(tokens.redeem(second)).toBeUndefined();
  });
});

describe('SessionTokens of long requests', () => {
  it('holds no more bytes than it may, and has room again for each that is fetched', () => {
    const tokens = new SessionTokens<string>({ mostBytes: 100 });
    const first = tokens.issue('first', 60);
    expect(() => tokens.issue('second', 60)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
    tokens.issue('third', 40);
    tokens.redeem(first);
    tokens.redeem(first);
    expect(tokens.issue('second', 60)).toMatch(/^[\w-]{32}$/);
  });
});

describe('Exec', () => {
  it('is refused as RESOURCE_EXHAUSTED beyond the first 1000 that nobody fetches', async () => {
    const shim = await TestShim.start();
    try {
      const containerId = await shim.runContainer(await shim.runPod());
      const codes = new Map<string, number>();
      const request = { containerId, cmd: ['true'], stdin: false, stdout: true, stderr: false, tty: false };
      for (let batch = 0; batch < 12; batch++) {
        const answers = await Promise.all(
          Array.from({ length: 100 }, () =>
            shim.runtime.exec(request).then(
              () => 'OK',
              (error: { code: string }) => error.code,
            ),
          ),
        );
        for (const answer of answers) codes.set(answer, (codes.get(answer) ?? 0) + 1);
      }
      expect(Object.fromEntries(codes)).toEqual({ OK: 1000, RESOURCE_EXHAUSTED: 200 });
    } finally {
      await shim.close();
    }
  });
});
