import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DescriptorSocket } from './descriptor-socket.ts';

const isMissing = process.platform !== 'linux' || process.arch !== 'x64';

describe.skipIf(isMissing)('DescriptorSocket (Linux on amd64)', () => {
  let directory: string;
  let path: string;
  let socket: DescriptorSocket;
  const senders: Socket[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-descriptors-'));
    path = join(directory, 'empfänger');
    socket = new DescriptorSocket(path, 100);
  });
  afterEach(() => {
    for (const sender of senders.splice(0)) sender.destroy();
    rmSync(directory, { recursive: true });
  });

  /** Connects, sends, and stays connected. */
  async function send(content: Buffer | string): Promise<void> {
    const sender = createConnection(path);
    senders.push(sender);
    await once(sender, 'connect');
    const { promise, resolve } = Promise.withResolvers<void>();
    sender.write(content, () => resolve());
    await promise;
  }

  it('takes a message that is whole, though its sender stays connected', async () => {
    await send('{"pid": 7}');
    expect(socket.next((text) => text.endsWith('}'))).toEqual({ text: '{"pid": 7}', descriptors: [] });
  });

  it('takes a character whole that came in two pieces', async () => {
    const filler = 'x'.repeat(16 * 1024 - 1);
    await send(`${filler}ä}`);
    expect(socket.next((text) => text.endsWith('}')).text).toBe(`${filler}ä}`);
  });

  it('gives up on a sender that stalls, and takes the next one’s message', async () => {
    await send('{"pid":');
    await send('{"pid": 8}');
    expect(socket.next((text) => text.endsWith('}')).text).toBe('{"pid":');
    expect(socket.next((text) => text.endsWith('}')).text).toBe('{"pid": 8}');
  });
});
