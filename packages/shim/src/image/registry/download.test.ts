import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReference } from '@berth/sdk/image-reference';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Blobs } from '../blobs.ts';
import { digestOf } from '../digest.ts';
import { parseHostsToml } from './hosts-toml.ts';
import { Registry, type RegistryPatience } from './registry.ts';
import type { RegistryHost } from './registry-host.ts';
import { resolveHosts } from './registry-hosts.ts';

const content = randomBytes(300_000);
const half = content.length / 2;
const blob = { mediaType: '', digest: digestOf(content), size: content.length };
const fast: Partial<RegistryPatience> = { idleMs: 200, attempts: 3, firstPauseMs: 1 };

describe('a layer on its way', () => {
  let directory: string;
  let blobs: Blobs;
  let servers: Server[];
  /** The ranges that were asked for. */
  let ranges: (string | undefined)[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-download-'));
    blobs = new Blobs(join(directory, 'blobs'), join(directory, 'ingest'), join(directory, 'incoming'));
    servers = [];
    ranges = [];
  });
  afterEach(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await rm(directory, { recursive: true, force: true });
  });

  async function listen(listener: RequestListener): Promise<string> {
    const server = createServer((request, response) => {
      ranges.push(request.headers.range);
      listener(request, response);
    });
    server.on('connect', (_, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Answers each request by the next of these, and the rest by the last. */
  const inTurn = (...answers: ((response: ServerResponse, from: number) => void)[]): Promise<string> => {
    const rest = answers.values();
    let answer = answers[0];
    return listen((_, response) => {
      answer = rest.next().value ?? answer;
      answer?.(response, starts().at(-1) ?? 0);
    });
  };

  const download = (hosts: string[], signal?: AbortSignal) =>
    downloadBy(hosts.map((host) => `[host."http://${host}"]\n`).join(''), ({ isOwn }) => !isOwn, signal);

  const downloadBy = async (
    toml: string,
    isAsked: (host: RegistryHost) => boolean,
    signal = AbortSignal.timeout(20_000),
  ): Promise<void> => {
    const known = resolveHosts(parseHostsToml(toml, '/certs.d/hosts.toml'), 'registry.invalid').filter(isAsked);
    const registry = new Registry(parseReference('registry.invalid/app:1'), known, { auth: undefined, configPath: '', patience: fast });
    try {
      await blobs.add(blob, (from) => registry.open(blob, signal, from), signal, {
        origin: () => registry.origin(blob),
        reject: (reason) => registry.reject(blob, reason),
      });
    } finally {
      registry.close();
    }
  };

  const arrived = async () => {
    expect((await readFile(blobs.path(blob.digest))).equals(content)).toBe(true);
    expect(await readdir(join(directory, 'ingest'))).toEqual([]);
  };

  /** A cut connection may lose bytes that had come, so that where it goes on is not known to the byte. */
  const starts = () => ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0));

  const head = (response: ServerResponse, from: number) => {
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': content.length - from,
      ...(from > 0 && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
    });
  };
  const whole = (response: ServerResponse, from: number) => {
    head(response, from);
    response.end(content.subarray(from));
  };
  const cutAfter = (bytes: number) => (response: ServerResponse, from: number) => {
    head(response, from);
    response.write(content.subarray(from, from + bytes), () => response.destroy());
  };

  it('goes on where the connection was cut', async () => {
    await download([await inTurn(cutAfter(100_000), cutAfter(100_000), whole)]);
    await arrived();
    const [first, second = 0, third = 0, ...more] = starts();
    expect([first, second > 0, third > second, more]).toEqual([0, true, true, []]);
  });

  it('goes on where the registry fell silent', async () => {
    const silent = (response: ServerResponse) => {
      head(response, 0);
      response.write(content.subarray(0, half));
    };
    await download([await inTurn(silent, (response) => response.writeHead(503).end(), whole)]);
    await arrived();
    expect(ranges).toEqual([undefined, `bytes=${half}-`, `bytes=${half}-`]);
  });

  it('comes whole from a registry that knows no ranges', async () => {
    await download([await inTurn(cutAfter(half), (response) => whole(response, 0))]);
    await arrived();
  });

  it('goes on at the next host where one fails for good', async () => {
    const failing = await inTurn(cutAfter(half), (response) => response.writeHead(410).end());
    await download([failing, await inTurn(whole)]);
    await arrived();
    const [first, second = 0, third, ...more] = starts();
    expect([first, second > 0, third === second, more]).toEqual([0, true, true, []]);
  });

  it.each<[string, (response: ServerResponse, from: number) => void, string]>([
    ['cuts each connection', (response) => response.destroy(), 'the connection was cut'],
    ['never answers', () => undefined, 'no answer within 0.2 s'],
    ['sends a byte now and then', (response) => drip(response), 'silent for 0.2 s in the middle of an answer'],
  ])('is given up after some attempts where the registry %s', async (_, answer, reason) => {
    const host = await inTurn(answer);
    await expect(download([host])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(new RegExp(`^image registry.invalid/app:1: mirror ${host}: ${reason}; check`)),
    });
    expect(ranges).toHaveLength(3);
  });

  it('comes through a proxy, whose password stays out of errors', async () => {
    const proxy = await inTurn(whole);
    const settings = (scheme: string) => `server = "${scheme}://registry.invalid"\nproxy = "http://me:secret@${proxy}"\n`;
    await expect(downloadBy(settings('https'), () => true)).rejects.toThrow(
      new RegExp(`registry registry.invalid: failed: .*via http://${proxy}(?!.*secret)`),
    );
    await downloadBy(settings('http'), () => true);
    await arrived();
  });

  it('is refused where the registry answers another range', async () => {
    const other = (response: ServerResponse) =>
      response.writeHead(206, { 'content-range': `bytes 7-${content.length - 1}/${content.length}` }).end(content.subarray(7));
    await expect(download([await inTurn(cutAfter(half), other)])).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringMatching(/of the blob sha256:\w+ of 300000 bytes it gives none from byte \d+; the registry is broken/),
    });
    expect(await readdir(join(directory, 'ingest'))).toEqual([]);
  });

  const forged = (bytes: number) => (response: ServerResponse) => response.end(Buffer.alloc(bytes));

  it.each([
    ['other', content.length],
    ['more', content.length + 1],
    ['fewer', half],
  ])('comes anew from the next host where one sends %s bytes', async (_, bytes) => {
    await download([await inTurn(forged(bytes)), await inTurn(whole)]);
    await arrived();
    expect(ranges).toEqual([undefined, undefined]);
  });

  it('comes from a host that went on with what another had sent wrong', async () => {
    const forgedHalf = (response: ServerResponse) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(Buffer.alloc(half), () => response.destroy());
    };
    await download([await inTurn(forgedHalf, (response) => response.writeHead(410).end()), await inTurn(whole)]);
    await arrived();
    expect(starts().at(-1)).toBe(0);
  });

  it('has no host called a liar whose part a liar went on with', async () => {
    const failing = await inTurn(cutAfter(half), (response) => response.writeHead(410).end());
    const liar = await inTurn((response, from) => {
      head(response, from);
      response.end(Buffer.alloc(content.length - from));
    });
    await expect(download([failing, liar])).rejects.toThrow(
      new RegExp(`none of 2 hosts gave it: mirror ${failing}: answered 410; mirror ${liar}: it sent wrong bytes`),
    );
  });

  it('names each host, and what it did, where none sends the right bytes', async () => {
    const [liar, empty, other] = [
      await inTurn(forged(content.length)),
      await inTurn((response) => response.writeHead(404).end()),
      await inTurn(forged(half)),
    ];
    const wrong = `it sent wrong bytes for the blob ${blob.digest}:`;
    await expect(download([liar, empty, other])).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message:
        `image registry.invalid/app:1: none of 3 hosts gave it: mirror ${liar}: ${wrong} its bytes have the digest ${digestOf(Buffer.alloc(content.length))}; ` +
        `mirror ${empty}: answered 404; mirror ${other}: ${wrong} it ended after ${half} of ${content.length} bytes; ` +
        'the registry is broken or lies: ask who runs it',
    });
    expect(await readdir(join(directory, 'ingest'))).toEqual([]);
  });

  it('is gone on with by the next pull', async () => {
    const ending = new AbortController();
    const silent = (response: ServerResponse) => {
      head(response, 0);
      response.write(content.subarray(0, half));
    };
    const host = await inTurn(silent, whole);
    const cutOff = download([host], ending.signal);
    await expect.poll(async () => (await readFile(partialPath()).catch(() => Buffer.alloc(0))).length).toBe(half);
    ending.abort();
    await expect(cutOff).rejects.toMatchObject({ code: 'CANCELLED' });
    await download([host]);
    await arrived();
    expect(ranges).toEqual([undefined, `bytes=${half}-`]);
  });

  it('begins again where what was left is damaged, or longer than the whole', async () => {
    for (const left of [Buffer.alloc(half), Buffer.alloc(content.length), Buffer.alloc(content.length + 1)]) {
      await blobs.add(
        { digest: digestOf('x'), size: 1 },
        () => new Response('x').body as AsyncIterable<Uint8Array>,
        AbortSignal.timeout(5_000),
      );
      await writeFile(partialPath(), left);
      await download([await inTurn(whole)]);
      await arrived();
      await blobs.detach(blob.digest);
    }
    expect(ranges).toEqual([`bytes=${half}-`, undefined, undefined, undefined]);
  });

  it('is forgotten when nobody goes on with it', async () => {
    await expect(download([await inTurn(cutAfter(half), (response) => response.writeHead(404).end())])).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const yesterday = new Date(Date.now() - 86_400_000);
    await blobs.removeAbandoned(yesterday);
    expect(await readdir(join(directory, 'ingest'))).toHaveLength(1);
    await utimes(partialPath(), yesterday, yesterday);
    await blobs.removeAbandoned(new Date(yesterday.getTime() + 1));
    expect(await readdir(join(directory, 'ingest'))).toEqual([]);
  });

  const partialPath = () => join(directory, 'ingest', blob.digest.slice('sha256:'.length));
});

function drip(response: ServerResponse): void {
  response.writeHead(200);
  const timer = setInterval(() => response.write('.'), 20);
  response.on('close', () => clearInterval(timer));
}
