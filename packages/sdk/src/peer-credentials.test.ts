import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { admits } from './allowed-users.ts';
import { peerUser } from './peer-credentials.ts';

describe.runIf(process.platform === 'linux')('the user at the other end of a socket', () => {
  let directory: string;
  let server: Server;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-peer-'));
    server = createServer();
  });

  afterEach(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });

  /** Both ends of a connection. */
  async function connection(...listen: [string] | [number, string]): Promise<{ served: Socket; client: Socket }> {
    server.listen(...(listen as [string]));
    await once(server, 'listening');
    const [path] = listen;
    const client = typeof path === 'string' ? connect(path) : connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [served] = (await once(server, 'connection')) as [Socket];
    return { served, client };
  }

  it('is known of a unix socket, from both ends', async () => {
    const { served, client } = await connection(join(directory, 'a.sock'));
    expect([peerUser(served), peerUser(client)]).toEqual([process.getuid?.(), process.getuid?.()]);
    client.destroy();
  });

  it('is not known of one that is closed, or of TCP', async () => {
    const { served, client } = await connection(0, '127.0.0.1');
    expect(peerUser(served)).toBeUndefined();
    for (const socket of [client, served]) socket.destroy();
    expect(peerUser(served)).toBeUndefined();
  });

  it('may call if he is among those who may', async () => {
    const { served, client } = await connection(join(directory, 'a.sock'));
    const own = process.getuid?.() ?? -1;
    const refused: (number | undefined)[] = [];
    const onRefused = (uid: number | undefined) => void refused.push(uid);
    expect(admits({ uids: [4_000_000, own], onRefused }, served)).toBe(true);
    expect(admits({ uids: [4_000_000], onRefused }, served)).toBe(false);
    client.destroy();
    served.destroy();
    expect(admits({ uids: [own], onRefused }, served)).toBe(false);
    expect(refused).toEqual([own, undefined]);
  });
});
