import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeStore } from './node-store.ts';

const signal = AbortSignal.timeout(60_000);
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'berth-images-'));
});

afterEach(() => rmSync(root, { recursive: true }));

describe('nodeStore', () => {
  it('lists nothing where nothing was loaded', async () => {
    expect(await nodeStore(root).list()).toEqual([]);
  });

  it('names an image that is not there to be removed', async () => {
    await expect(nodeStore(root).remove('nope')).rejects.toThrow(/^image nope: it is not on this node; /);
  });

  it('stops loading an archive when it is told to', async () => {
    const file = join(root, 'a.tar.gz');
    writeFileSync(file, gzipSync(Buffer.alloc(1024)));
    await expect(nodeStore(root).load(file, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it("tells a registry's refusal from the store's", async () => {
    const server = createServer((_, response) => response.writeHead(403).end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await expect(nodeStore(root).pull(`${host}/app:1`, undefined, signal)).rejects.toThrow(
        `image ${host}/app:1: registry ${host}: answered 403; check`,
      );
    } finally {
      server.close();
    }
  });

  it('gives a pull up when it is told to', async () => {
    const given = new AbortController();
    const server = createServer(() => given.abort()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await expect(nodeStore(root).pull(`${host}/app:1`, undefined, given.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
    } finally {
      server.close();
    }
  });

  it('names an archive that is none', async () => {
    const file = join(root, 'a.tar');
    writeFileSync(file, 'no archive');
    await expect(nodeStore(root).load(file, signal)).rejects.toThrow(file);
  });
});
