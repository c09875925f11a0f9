import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltImage, buildImage } from '../image-builder.ts';
import { ImageRegistry } from './image-registry.ts';

describe('ImageRegistry', () => {
  let scratch: string;
  let registry: ImageRegistry;
  let built: BuiltImage;
  let layer: BuiltImage['layers'][number];

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-registry-test-'));
    const output = join(scratch, 'image.tar');
    built = await buildImage({ output, names: ['x:1'], layers: [[{ type: 'file', path: 'motd', content: 'ahoy' }]], compression: 'none' });
    [layer] = built.layers as [BuiltImage['layers'][number]];
    registry = await ImageRegistry.start();
    await registry.add(output, 'team/app', '1');
    await registry.add(output, 'team/private', '1', { credentials: { username: 'ann', password: 'secret' } });
  });
  afterAll(async () => {
    await registry.close();
    await rm(scratch, { recursive: true, force: true });
  });

  const get = (path: string, init?: RequestInit) => fetch(`http://${registry.host}${path}`, init);

  it('answers /v2/, so that clients know what it speaks', async () => {
    expect((await get('/v2/')).status).toBe(200);
  });

  it('serves a manifest by tag and by digest, to GET and to HEAD', async () => {
    const byTag = await get('/v2/team/app/manifests/1');
    expect(byTag.headers.get('docker-content-digest')).toBe(built.manifestDigest);
    expect(byTag.headers.get('content-type')).toBe('application/vnd.oci.image.manifest.v1+json');
    expect(await (await get(`/v2/team/app/manifests/${built.manifestDigest}`)).json()).toEqual(await byTag.json());
    const head = await get('/v2/team/app/manifests/1', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100);
  });

  it('serves a blob whole and in ranges', async () => {
    const whole = Buffer.from(await (await get(`/v2/team/app/blobs/${layer.digest}`)).arrayBuffer());
    expect(whole.length).toBe(layer.size);
    const part = await get(`/v2/team/app/blobs/${layer.digest}`, { headers: { range: 'bytes=512-515' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 512-515/${layer.size}`]);
    expect(await part.text()).toBe('ahoy');
    expect((await get(`/v2/team/app/blobs/${layer.digest}`, { headers: { range: `bytes=${layer.size}-` } })).status).toBe(416);
  });

  it("cuts the connection in the middle of an archive's blob, too", async () => {
    registry.addRepository('team/cut').faults = { cut: { offset: 100, times: 1 } };
    const path = `/v2/team/cut/blobs/${layer.digest}`;
    await expect(get(path).then((response) => response.arrayBuffer())).rejects.toThrow();
    expect((await (await get(path, { headers: { range: 'bytes=100-' } })).arrayBuffer()).byteLength).toBe(layer.size - 100);
  });

  it('lists tags', async () => {
    expect(await (await get('/v2/team/app/tags/list')).json()).toEqual({ name: 'team/app', tags: ['1'] });
  });

  it.each(['/v2/no/such/manifests/1', '/v2/team/app/manifests/2', '/v2/team/app/blobs/sha256:0', '/v2/team/app/blobs/..%2f..%2fetc'])(
    'answers 404 for %s',
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );

  it('serves a private repository only to who logs in', async () => {
    const refused = await get('/v2/team/private/manifests/1');
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="conformance"']);
    const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
    expect((await get('/v2/team/private/manifests/1', { headers: { authorization } })).status).toBe(200);
  });

  it('can not be written', async () => {
    expect((await get('/v2/team/app/manifests/2', { method: 'PUT', body: '{}' })).status).toBe(405);
  });
});
