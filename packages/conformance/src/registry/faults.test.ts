import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../image-archive.ts';
import { ImageRegistry, type Repository } from './image-registry.ts';

const bytes = randomBytes(10_000);
const digest = digestOf(bytes);

describe('a registry that was told to fail', () => {
  let registry: ImageRegistry;
  let repository: Repository;

  beforeEach(async () => {
    registry = await ImageRegistry.start();
    repository = registry.addRepository('app');
    repository.blobs.set(digest, bytes);
  });
  afterEach(() => registry.close());

  const getBlob = (headers: Record<string, string> = {}) =>
    fetch(`http://${registry.host}/v2/app/blobs/${digest}`, { headers, redirect: 'manual' });

  it('serves what it was given without a fault, and notes who asked', async () => {
    expect(Buffer.from(await (await getBlob({ authorization: 'Basic x' })).arrayBuffer())).toEqual(bytes);
    const path = `/v2/app/blobs/${digest}`;
    expect(repository.received).toEqual([{ method: 'GET', path, range: undefined, authorization: 'Basic x' }]);
  });

  it('lies about a blob and about a manifest', async () => {
    const manifest = repository.putManifest('application/json', Buffer.from('{}'), '1');
    repository.faults = { lies: new Map([digest, manifest].map((one) => [one, Buffer.from('lie')])) };
    expect(await (await getBlob()).text()).toBe('lie');
    expect(await (await fetch(`http://${registry.host}/v2/app/manifests/1`)).text()).toBe('lie');
  });

  it('cuts the connection at an offset, so many times, and serves the rest by range', async () => {
    repository.faults = { cut: { offset: 4000, times: 2 } };
    await expect(getBlob().then((response) => response.arrayBuffer())).rejects.toThrow();
    await expect(getBlob({ range: 'bytes=4000-' }).then((response) => response.arrayBuffer())).rejects.toThrow();
    const rest = await getBlob({ range: 'bytes=4000-' });
    expect([rest.status, Buffer.from(await rest.arrayBuffer())]).toEqual([206, bytes.subarray(4000)]);
  });

  it('cuts nothing that ends before the offset', async () => {
    repository.faults = { cut: { offset: 4000, times: 1 } };
    expect((await (await getBlob({ range: 'bytes=0-3999' })).arrayBuffer()).byteLength).toBe(4000);
  });

  it('stops at an offset, and tells that it has come there', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    repository.faults = { stall: { offset: 4000, reached: resolve } };
    const reader = (await getBlob()).body?.getReader();
    await promise;
    let length = 0;
    while (length < 4000) length += (await reader?.read())?.value?.length ?? Number.NaN;
    expect(length).toBe(4000);
    await reader?.cancel();
  });

  it('answers with a status, a page, or a redirection', async () => {
    repository.faults = { status: 503 };
    expect((await getBlob()).status).toBe(503);
    repository.faults = { page: true };
    expect((await getBlob()).headers.get('content-type')).toBe('text/html');
    repository.faults = { redirect: (path) => `http://other.example${path}` };
    const response = await getBlob();
    expect([response.status, response.headers.get('location')]).toEqual([307, `http://other.example/v2/app/blobs/${digest}`]);
  });
});
