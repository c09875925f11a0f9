import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { SpdyClient } from '@berth/conformance/spdy-client';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate, skipWithoutOpenssl, type TestCertificate } from '../../../../test/fixtures/certificate.ts';
import { WebSocketClient } from '../../testing/websocket-client.ts';
import type { RemoteCommand } from './remote-command.ts';
import { StreamingServer } from './streaming-server.ts';

const command: RemoteCommand = {
  kind: 'exec',
  object: 'container main',
  streams: { stdin: false, stdout: true, stderr: false, tty: false },
  async run({ stdout }) {
    stdout.write('hello');
    return 7;
  },
};

const log = pino({ level: 'silent' });

describe('a streaming server with TLS', () => {
  let directory: string;
  let tls: TestCertificate;
  let server: StreamingServer;

  beforeEach(async (context) => {
    skipWithoutOpenssl(context);
    directory = await mkdtemp(join(tmpdir(), 'berth-tls-'));
    tls = makeCertificate(directory);
    server = new StreamingServer({ address: '127.0.0.1:0', tls, log });
    await server.listen();
  });

  afterEach(async () => {
    await server?.close();
    if (directory) await rm(directory, { recursive: true });
  });

  it('serves WebSocket and SPDY over HTTPS, to clients that know its authority', async () => {
    const url = server.url(command);
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/exec\//);
    const client = await WebSocketClient.open(url, 'v5.channel.k8s.io', { ca: tls.cert });
    expect(await client.status()).toMatchObject({ details: { causes: [{ message: '7' }] } });
    expect(client.received(1)).toBe('hello');
    const spdy = await SpdyClient.open(server.url(command), 'v4.channel.k8s.io', { ca: tls.cert });
    const [error, stdout] = [await spdy.openStream({ streamtype: 'error' }), await spdy.openStream({ streamtype: 'stdout' })];
    await spdy.ended([error, stdout]);
    expect(spdy.received(stdout)).toBe('hello');
    await expect(SpdyClient.open(server.url(command))).rejects.toThrow(/self-signed certificate/);
  });

  it('shows a certificate that was replaced to the clients of later calls', async () => {
    const renewed = makeCertificate(directory);
    const client = await WebSocketClient.open(server.url(command), 'v5.channel.k8s.io', { ca: renewed.cert });
    await client.closed;
  });

  it('keeps its certificate where the new files are none', async () => {
    await writeFile(tls.certFile, 'garbage');
    const client = await WebSocketClient.open(server.url(command), 'v5.channel.k8s.io', { ca: tls.cert });
    await client.closed;
  });

  it('closes while a client has not agreed on TLS yet', async () => {
    const { port } = new URL(server.url(command));
    const socket = connect({ port: Number(port), host: '127.0.0.1', ca: tls.cert });
    socket.on('error', () => undefined);
    await server.close();
    socket.destroy();
    server = new StreamingServer({ address: '127.0.0.1:0', tls, log });
    await server.listen();
  });

  it('says which files are no pair, or are missing', async () => {
    const other = await mkdtemp(join(tmpdir(), 'berth-tls-'));
    try {
      const { keyFile } = makeCertificate(other);
      const started = (files: { certFile: string; keyFile: string }) => () =>
        new StreamingServer({ address: '127.0.0.1:0', tls: files, log });
      expect(started({ ...tls, keyFile })).toThrow(/tls\.crt and .*tls\.key: no certificate with its private key: .*key values mismatch/);
      expect(started({ ...tls, keyFile: join(other, 'none') })).toThrow(/none: /);
      await copyFile(tls.certFile, keyFile);
      expect(started({ ...tls, keyFile })).toThrow(/no certificate with its private key/);
    } finally {
      await rm(other, { recursive: true });
    }
  });

  it.each(['192.0.2.1:0', 'node.example:0'])('may be at %s', (address) => {
    expect(() => new StreamingServer({ address, tls, log })).not.toThrow();
  });
});

describe('a streaming server without TLS', () => {
  it.each(['192.0.2.1:0', 'node.example:0', '[2001:db8::1]:0'])('may not be at %s', (address) => {
    expect(() => new StreamingServer({ address, log })).toThrow(/it is not on loopback, and without TLS .*--streaming-tls-cert-file/);
  });

  it.each(['0.0.0.0:0', '[::]:0'])('may not be at %s, which clients could not reach', (address) => {
    expect(() => new StreamingServer({ address, log })).toThrow(/the URLs that clients get would name no host/);
  });

  it.each(['127.0.0.2:0', 'localhost:0', '[::1]:0'])('may be at %s', (address) => {
    expect(() => new StreamingServer({ address, log })).not.toThrow();
  });
});
