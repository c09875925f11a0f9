import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { makeCertificate, skipWithoutOpenssl } from '../../../../../test/fixtures/certificate.ts';
import { defaultSettings, type RegistryHost } from './registry-host.ts';
import { Transport } from './transport.ts';

const patience = { idleMs: 10_000, wholeMs: 10_000, commitMs: 10_000 };
const signal = AbortSignal.timeout(60_000);

it('ends every connection of requests that were made at once', async (context) => {
  skipWithoutOpenssl(context);
  const directory = await mkdtemp(join(tmpdir(), 'berth-transport-'));
  const { cert, key } = makeCertificate(directory);
  const server = createServer({ cert, key, keepAliveTimeout: 60_000 }, (_, response) => response.end('whole'));
  try {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const host: RegistryHost = {
      ...defaultSettings,
      skipVerify: true,
      api: `${origin}/v2`,
      name: 'registry',
      namespace: undefined,
      isOwn: true,
    };
    const transport = new Transport(host, patience);
    const answers = Array.from({ length: 3 }, () => transport.send(new URL(origin), { method: 'GET', headers: {} }, signal));
    for (const answer of await Promise.all(answers)) for await (const _ of transport.chunks(answer));
    transport.close();
    const connections = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    await vi.waitUntil(async () => (await connections()) === 0, { timeout: 5_000, interval: 10 });
    expect(await connections()).toBe(0);
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  }
});
