import { describe, expect, it } from 'vitest';
import { choosePlatform, parseImageConfiguration, parseManifest } from './manifest.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const blob = { mediaType: 'x', digest, size: 1 };
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

describe('parseManifest', () => {
  it('tells a manifest from an index by what it holds', () => {
    expect(parseManifest(bytes({ schemaVersion: 2, config: blob, layers: [blob] }), 'image')).toEqual({
      kind: 'manifest',
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: blob,
      layers: [blob],
    });
    expect(parseManifest(bytes({ schemaVersion: 2, manifests: [blob] }), 'image')).toEqual({ kind: 'index', manifests: [blob] });
  });

  it.each([
    ['no JSON', '<html>', 'image x: it is no JSON'],
    ['JSON that is no object', '[]', 'it is no JSON object'],
    ['schema 1', { schemaVersion: 1 }, 'schema 1'],
    ['something else', { schemaVersion: 2 }, 'neither an image manifest nor an index'],
    ['a manifest that is an index, too', { config: blob, layers: [], manifests: [] }, 'neither'],
    [
      'a digest that leads elsewhere',
      { config: { ...blob, digest: '../../etc/passwd' }, layers: [] },
      '"../../etc/passwd", which is no sha256 digest',
    ],
    ['a negative size', { config: { ...blob, size: -1 }, layers: [] }, 'the size -1'],
    ['a size that is no number', { config: blob, layers: [{ ...blob, size: '1' }] }, 'the size "1"'],
  ])('refuses %s', (_, value, reason) => {
    expect(() => parseManifest(bytes(value), 'image x')).toThrow(reason);
  });
});

describe('choosePlatform', () => {
  const of = (os: string, architecture: string) => ({ ...blob, platform: { os, architecture } });

  it('takes the Linux image of the architecture, past attestations and other systems', () => {
    const wanted = of('linux', 'arm64');
    const manifests = [of('unknown', 'unknown'), of('windows', 'arm64'), of('linux', 'amd64'), wanted];
    expect(choosePlatform({ kind: 'index', manifests }, 'image', 'arm64')).toBe(wanted);
  });

  it('takes a single entry that names no platform', () => {
    expect(choosePlatform({ kind: 'index', manifests: [blob] }, 'image')).toBe(blob);
  });

  it('goes on with an index in it where no entry fits', () => {
    const nested = { ...blob, mediaType: 'application/vnd.oci.image.index.v1+json' };
    const manifests = [of('linux', 's390x'), blob, nested];
    expect(choosePlatform({ kind: 'index', manifests }, 'image', 'amd64')).toBe(nested);
  });

  it('lists what there is when nothing fits', () => {
    const manifests = [of('linux', 's390x'), of('windows', 'amd64')];
    expect(() => choosePlatform({ kind: 'index', manifests }, 'image x', 'amd64')).toThrow(
      'image x: it has no image for linux/amd64, only for linux/s390x, windows/amd64',
    );
  });
});

describe('parseImageConfiguration', () => {
  it('reads what a container starts from, and gives the rest its defaults', () => {
    const value = { rootfs: { diff_ids: [digest] }, config: { Cmd: ['sh'], Env: null, User: 'app', Volumes: { '/data': {} } } };
    expect(parseImageConfiguration(bytes(value), 'configuration')).toEqual({
      diffIds: [digest],
      config: { entrypoint: [], cmd: ['sh'], env: [], workingDir: '', user: 'app', stopSignal: '', volumes: ['/data'] },
    });
  });

  it.each([{}, { rootfs: {} }, { rootfs: { diff_ids: ['sha256:1'] } }, { rootfs: { diff_ids: [1] } }])('refuses %j', (value) => {
    expect(() => parseImageConfiguration(bytes(value), 'configuration x')).toThrow(
      'configuration x: its rootfs.diff_ids is no list of sha256 digests',
    );
  });
});
