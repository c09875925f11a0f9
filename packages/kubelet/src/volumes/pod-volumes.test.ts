import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod, PodSpec, Volume } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configMap, MemoryObjects, secret } from '../../testing/memory-objects.ts';
import { makePod } from '../../testing/observed-pod.ts';
import { StorageOperations } from '../metrics/storage-operations.ts';
import { PodDirectories } from '../pod-directories.ts';
import type { TokenRequest } from '../tokens/token-source.ts';
import { mountsBelow, unmountBelow } from './mount-table.ts';
import { PodVolumes } from './pod-volumes.ts';

const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();
const operations = new StorageOperations(new Registry());
let root: string;
let objects: MemoryObjects;
let volumes: PodVolumes;
let asked: TokenRequest[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-volumes-'));
  objects = new MemoryObjects(configMap('settings', { colour: 'blue', size: 'L' }), secret('login', { user: 'me', password: 'x' }));
  asked = [];
  volumes = new PodVolumes({
    directories: new PodDirectories(root, join(root, 'logs')),
    objects,
    tokens: {
      token: async (request) => {
        asked.push(request);
        return { token: 'a.b.c', issuedAt: new Date(0), expiresAt: new Date(0) };
      },
    },
    allocatable: () => new Map([['memory', 2n ** 30n]]),
    operations,
  });
});

afterEach(async () => {
  await unmountBelow(root);
  await rm(root, { recursive: true, force: true });
});

const podWith = (source: Omit<Volume, 'name'>, spec: Partial<PodSpec> = {}): Pod =>
  makePod({ ...spec, volumes: [{ name: 'v', ...source }] });
const pathOf = (pod: Pod) => {
  const plugged = volumes.find(pod, 'v');
  return plugged?.plugin.path(pod, plugged.volume) ?? '';
};

/** Makes the pod's volume and gives its files with content and mode. */
async function made(pod: Pod): Promise<Record<string, string>> {
  await volumes.setUp(pod, signal);
  const top = pathOf(pod);
  const names = (await readdir(join(top, '..data'), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = names.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name);
    const { mode } = await stat(path);
    return [path.slice(top.length + '/..data/'.length), `${(mode & 0o777).toString(8)} ${await readFile(path, 'utf8')}`];
  });
  return Object.fromEntries(await Promise.all(files));
}

describe('the files of a volume', () => {
  it.each<[string, Omit<Volume, 'name'>, Record<string, string>]>([
    ['are the keys of a config map', { configMap: { name: 'settings' } }, { colour: '644 blue', size: '644 L' }],
    [
      'are the items that were asked for, at their paths and modes',
      {
        configMap: {
          name: 'settings',
          defaultMode: 0o600,
          items: [
            { key: 'size', path: 'deep/size' },
            { key: 'colour', path: 'c', mode: 0o444 },
          ],
        },
      },
      { 'deep/size': '600 L', c: '444 blue' },
    ],
    ['are the keys of a secret, decoded', { secret: { secretName: 'login', defaultMode: 0o400 } }, { user: '400 me', password: '400 x' }],
    ['are none of an optional object that is missing', { secret: { secretName: 'none', optional: true } }, {}],
    [
      'leave out optional keys that are missing',
      {
        configMap: {
          name: 'settings',
          optional: true,
          items: [
            { key: 'none', path: 'n' },
            { key: 'size', path: 's' },
          ],
        },
      },
      { s: '644 L' },
    ],
    [
      'are fields of the pod',
      {
        downwardAPI: {
          items: [
            { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
            { path: 'memory', resourceFieldRef: { containerName: 'main', resource: 'limits.memory', divisor: '1Mi' }, mode: 0o600 },
          ],
        },
      },
      { name: '644 pod', memory: '600 1024' },
    ],
    [
      'come from all sources of a projected volume',
      {
        projected: {
          sources: [
            { configMap: { name: 'settings', items: [{ key: 'size', path: 'size' }] } },
            { secret: { name: 'login', items: [{ key: 'user', path: 'user', mode: 0o400 }] } },
            { downwardAPI: { items: [{ path: 'ns', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
            { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 700 } },
            { configMap: { name: 'none', optional: true } },
          ],
        },
      },
      { size: '644 L', user: '400 me', ns: '644 default', token: '644 a.b.c' },
    ],
  ])('%s', async (_what, source, files) => {
    expect(await made(podWith(source))).toEqual(files);
  });

  it('follow the object, and are gone where its keys are', async () => {
    const pod = podWith({ configMap: { name: 'settings' } });
    await made(pod);
    objects.put(configMap('settings', { colour: 'red' }));
    await volumes.refresh(pod, signal);
    expect((await readdir(pathOf(pod))).filter((name) => !name.startsWith('..'))).toEqual(['colour']);
    expect(await readFile(join(pathOf(pod), 'colour'), 'utf8')).toBe('red');
  });

  it('ask for the token of the service account, bound to the pod', async () => {
    const sources = [{ serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 700 } }];
    await made(podWith({ projected: { sources } }, { serviceAccountName: 'builder', nodeName: 'n1' }));
    expect(asked).toEqual([
      {
        namespace: 'default',
        serviceAccount: 'builder',
        audiences: ['vault'],
        expirationSeconds: 700,
        pod: { name: 'pod', uid: 'uid' },
        nodeName: 'n1',
      },
    ]);
  });

  it.skipIf(!isRoot)(
    'of a token are for the common user of the containers, or for the fsGroup (needs root to give them away)',
    async () => {
      const source = { projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } };
      const ofUser = podWith(source, { securityContext: { runAsUser: 1234 } });
      expect(await made(ofUser)).toEqual({ token: '600 a.b.c' });
      expect((await stat(join(pathOf(ofUser), 'token'))).uid).toBe(1234);
      const ofGroup = { ...podWith(source, { securityContext: { fsGroup: 4242 } }), metadata: { name: 'pod', uid: 'other' } };
      expect(await made(ofGroup)).toEqual({ token: '640 a.b.c' });
      expect((await stat(join(pathOf(ofGroup), 'token'))).gid).toBe(4242);
    },
  );

  it.skipIf(!isRoot)('belong to the fsGroup after a change too (needs root to give them away)', async () => {
    const pod = podWith({ secret: { secretName: 'login', defaultMode: 0o400 } }, { securityContext: { fsGroup: 4242 } });
    expect(await made(pod)).toEqual({ user: '440 me', password: '440 x' });
    objects.put(secret('login', { user: 'you' }));
    expect(await made(pod)).toEqual({ user: '440 you' });
    expect([(await stat(join(pathOf(pod), 'user'))).gid, (await stat(pathOf(pod))).gid]).toEqual([4242, 4242]);
  });

  it.skipIf(!isRoot)('of secrets and tokens are in memory, those of config maps on disk (needs root to mount)', async () => {
    const pod = makePod({
      volumes: [
        { name: 'a', secret: { secretName: 'login' } },
        { name: 'b', configMap: { name: 'settings' } },
        { name: 'c', projected: { sources: [{ secret: { name: 'login' } }] } },
        { name: 'd', downwardAPI: { items: [] } },
      ],
    });
    await volumes.setUp(pod, signal);
    await volumes.setUp(pod, signal);
    const mounts = (await mountsBelow(root)).map((path) => path.slice(root.length)).toSorted();
    expect(mounts).toEqual([
      '/pods/uid/volumes/kubernetes.io~downward-api/d',
      '/pods/uid/volumes/kubernetes.io~projected/c',
      '/pods/uid/volumes/kubernetes.io~secret/a',
    ]);
  });
});

describe('a volume that cannot be made', () => {
  it.each<[string, Omit<Volume, 'name'>, string]>([
    ['a config map that is missing', { configMap: { name: 'none' } }, 'configmap "none" not found'],
    ['a secret that is missing', { secret: { secretName: 'none' } }, 'secret "none" not found'],
    [
      'a key of a config map',
      { configMap: { name: 'settings', items: [{ key: 'none', path: 'n' }] } },
      'configmap references non-existent config key: none',
    ],
    [
      'a key of a secret',
      { secret: { secretName: 'login', items: [{ key: 'none', path: 'n' }] } },
      'references non-existent secret key: none',
    ],
    [
      'several sources of a projected volume',
      { projected: { sources: [{ secret: { name: 'a' } }, { configMap: { name: 'b' } }] } },
      '[secret "a" not found, configmap "b" not found]',
    ],
  ])("is told in kubelet's words: %s", async (_what, source, message) => {
    await expect(volumes.setUp(podWith(source), signal)).rejects.toThrow(`MountVolume.SetUp failed for volume "v" : ${message}`);
  });

  it('keeps no other from being made, and all are told', async () => {
    const pod = makePod({
      volumes: [
        { name: 'a', secret: { secretName: 'none' } },
        { name: 'b', configMap: { name: 'none' } },
        { name: 'v', configMap: { name: 'settings' } },
      ],
    });
    const error: unknown = await volumes.setUp(pod, signal).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PluginError);
    expect((error as PluginError).message).toBe(
      'MountVolume.SetUp failed for volume "a" : secret "none" not found; MountVolume.SetUp failed for volume "b" : configmap "none" not found',
    );
    expect(await readFile(join(pathOf(pod), 'colour'), 'utf8')).toBe('blue');
  });

  it('keeps what it showed when its object goes', async () => {
    const pod = podWith({ configMap: { name: 'settings' } });
    await made(pod);
    const empty = new PodVolumes({
      directories: new PodDirectories(root, join(root, 'logs')),
      objects: new MemoryObjects(),
      tokens: { token: () => Promise.reject(new Error('none')) },
      allocatable: () => new Map(),
      operations,
    });
    await expect(empty.refresh(pod, signal)).rejects.toThrow('configmap "settings" not found');
    expect(await readFile(join(pathOf(pod), 'colour'), 'utf8')).toBe('blue');
  });
});
