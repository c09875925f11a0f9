import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { GuestFrame } from '@berth/sdk/guest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';

let server: Server;
let frames: GuestFrame['body'][];

const port = { send: async (body: GuestFrame['body']) => void frames.push(body) };

/** What has been sent so far: output as text, and the end. */
function sent(): string[] {
  return frames.map((body) => (body?.$case === 'output' ? Buffer.from(body.value.data).toString() : (body?.$case ?? '')));
}

beforeEach(async () => {
  frames = [];
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => server.close());

async function connected(): Promise<{ connection: Connection; copied: Promise<void>; pod: Socket }> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const connection = await Connection.open('c', (server.address() as AddressInfo).port, port);
  const [pod] = await accepted;
  return { connection, copied: connection.copy(), pod };
}

describe('Connection', () => {
  it('goes on in one direction when the pod has ended the other', async () => {
    const { connection, copied, pod } = await connected();
    const received = pod.toArray();
    pod.end('all that I have');
    await expect.poll(sent).toEqual(['all that I have', '']);
    await connection.write(Buffer.from('and this is '), false);
    await connection.write(Buffer.from('mine'), true);
    expect(Buffer.concat(await received).toString()).toBe('and this is mine');
    await copied;
    expect(sent()).toEqual(['all that I have', '', 'exited']);
  });

  it('goes on in one direction when the client has ended the other', async () => {
    const { connection, copied, pod } = await connected();
    await connection.write(new Uint8Array(), true);
    if (!pod.resume().readableEnded) await once(pod, 'end');
    pod.write('one');
    await expect.poll(sent).toEqual(['one']);
    pod.end();
    await copied;
    expect(sent().at(-1)).toBe('exited');
  });

  it('ends both when the pod resets it', async () => {
    const { copied, pod } = await connected();
    pod.resetAndDestroy();
    await copied;
    expect(sent()).toEqual(['exited']);
  });

  it('ends both when it is cut off', async () => {
    const { connection, copied } = await connected();
    connection.signal();
    await copied;
    expect(sent().at(-1)).toBe('exited');
  });
});
