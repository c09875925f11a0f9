import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate, skipWithoutOpenssl } from '../../../test/fixtures/certificate.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { type LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseService } from './gen/etcd-rpc.ts';
import { failureOf } from './plugin-host.fixture.ts';

type Stream = ServerDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>;

const steps: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of steps.splice(0).reverse()) await step();
});

/** A server of grpc-js, which `serve()` has no such streams of, and a client of it. */
async function leases(
  leaseKeepAlive: (stream: Stream) => void,
  options: ConnectOptions = {},
  credentials = ServerCredentials.createInsecure(),
) {
  const server = new Server();
  const other = (): never => {
    throw new Error('not called');
  };
  server.addService(LeaseService, { leaseGrant: other, leaseRevoke: other, leaseTimeToLive: other, leaseLeases: other, leaseKeepAlive });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
  const client = connect(LeaseService, `localhost:${await promise}`, options);
  steps.push(
    () => server.forceShutdown(),
    () => client.close(),
  );
  return client;
}

const echo = (stream: Stream): void => {
  stream.on('data', ({ ID }: LeaseKeepAliveRequest) => stream.write(LeaseKeepAliveResponse.create({ ID, TTL: ID * 2n })));
  stream.on('end', () => stream.end());
};

async function* requests(...ids: bigint[]): AsyncGenerator<LeaseKeepAliveRequest, void> {
  for (const ID of ids) yield { ID };
}

describe('a call that streams both ways', () => {
  it('sends the requests, gives every answer in order, and ends with the requests', async () => {
    const client = await leases(echo);
    const seen: bigint[] = [];
    for await (const { TTL } of client.leaseKeepAlive(requests(1n, 2n, 3n))) seen.push(TTL);
    expect(seen).toEqual([2n, 4n, 6n]);
  });

  it('carries more than the connection takes at once', async () => {
    const client = await leases(echo);
    const ids = Array.from({ length: 500 }, (_, index) => BigInt(index));
    let count = 0;
    for await (const _ of client.leaseKeepAlive(requests(...ids))) count++;
    expect(count).toBe(ids.length);
  });

  it('tells requests and server when its consumer stops early', async () => {
    const cancelled = Promise.withResolvers<void>();
    const returned = Promise.withResolvers<void>();
    const client = await leases((stream) => {
      stream.on('cancelled', () => cancelled.resolve());
      echo(stream);
    });
    async function* endless(): AsyncGenerator<LeaseKeepAliveRequest, void> {
      try {
        for (let ID = 1n; ; ID++) yield { ID };
      } finally {
        returned.resolve();
      }
    }
    for await (const _ of client.leaseKeepAlive(endless())) break;
    await Promise.all([cancelled.promise, returned.promise]);
  });

  it('ends by its signal, while its requests wait', async () => {
    const client = await leases(echo);
    const end = new AbortController();
    async function* waiting(): AsyncGenerator<LeaseKeepAliveRequest, void> {
      yield { ID: 1n };
      await new Promise(() => undefined);
    }
    const answers = client.leaseKeepAlive(waiting(), { signal: end.signal })[Symbol.asyncIterator]();
    await answers.next();
    end.abort();
    expect((await failureOf(answers.next())).code).toBe('CANCELLED');
  });

  it('fails as its requests do', async () => {
    const client = await leases(echo);
    async function* failing(): AsyncGenerator<LeaseKeepAliveRequest, void> {
      yield* requests(1n);
      throw new Error('no more to ask');
    }
    const answers = client.leaseKeepAlive(failing())[Symbol.asyncIterator]();
    expect((await failureOf(answers.next())).message).toContain('no more to ask');
  });

  it('carries metadata', async () => {
    const client = await leases((stream) => {
      stream.write(LeaseKeepAliveResponse.create({ ID: BigInt(stream.metadata.get('token')[0]?.toString() ?? 0) }));
      stream.end();
    });
    for await (const { ID } of client.leaseKeepAlive(requests(), { metadata: { token: '42' } })) expect(ID).toBe(42n);
  });
});

describe('a connection with TLS', () => {
  beforeEach(skipWithoutOpenssl);

  it('is made to who has a certificate of an authority, and to nobody else', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-sdk-'));
    steps.push(() => rm(directory, { recursive: true }));
    const { cert, key } = makeCertificate(directory);
    const credentials = ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }]);
    const client = await leases(echo, { tls: { authorities: Buffer.from(cert) } }, credentials);
    for await (const { TTL } of client.leaseKeepAlive(requests(4n))) expect(TTL).toBe(8n);
    const stranger = await leases(echo, { tls: {} }, credentials);
    const answers = stranger.leaseKeepAlive(requests(4n))[Symbol.asyncIterator]();
    expect((await failureOf(answers.next())).code).toBe('UNAVAILABLE');
  });
});
