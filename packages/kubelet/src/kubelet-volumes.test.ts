import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StatusResponse } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configMap, MemoryObjects, secret } from '../testing/memory-objects.ts';
import { isReady, podYaml, TestNode } from '../testing/node.ts';
import { mountsBelow } from './volumes/mount-table.ts';

const objects = new MemoryObjects();
/** Waits of a test that nothing but an object's coming may end. */
const forever = { syncErrorMs: 3_600_000, mountInitialMs: 3_600_000, mountMaxMs: 3_600_000 };
let node: TestNode;

beforeEach(async () => {
  node = await TestNode.create({ objects, backOff: forever });
  await mkdir(join(node.root, 'manifests'));
});

afterEach(() => node.remove());

const spec = (volume: string, mount = '') =>
  `  containers: [{name: main, image: a, volumeMounts: [{name: v, mountPath: /v${mount}}]}]\n  volumes: [{name: v, ${volume}}]\n`;
const file = (uid: string | undefined, name: string) =>
  join(node.root, 'kubelet/pods', uid ?? '', 'volumes/kubernetes.io~configmap/v', name);

it.each([
  [true, 'Enabled'],
  [false, 'Disabled'],
])('a mount that is to be read-only all the way down if possible: where the runtime can (%s), its status says %s', async (can, told) => {
  const runtimeHandlers = [{ name: '', features: { recursiveReadOnlyMounts: can } }];
  const conditions = ['RuntimeReady', 'NetworkReady'].map((type) => ({ type, status: true }));
  node.runtime.lies.set('Status', () => StatusResponse.fromPartial({ status: { conditions }, runtimeHandlers }));
  await node.write('manifests/a.yaml', podYaml('a', spec('emptyDir: {}', ', readOnly: true, recursiveReadOnly: IfPossible')));
  await node.kubelet.start();
  const { status } = await node.until('a', isReady);
  expect(status?.containerStatuses?.[0]?.volumeMounts).toEqual([{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: told }]);
});

describe('a pod whose volume shows a config map', () => {
  it("waits for one that isn't there, in kubelet's words, and starts as soon as it comes", async () => {
    await node.write('manifests/a.yaml', podYaml('a', spec('configMap: {name: late}')));
    await node.kubelet.start();
    const message = 'MountVolume.SetUp failed for volume "v" : configmap "late" not found';
    expect(await node.untilHeldUp('a', 'FailedMount')).toBe(`FailedMount: ${message}`);
    expect(node.pod('a')?.status).toMatchObject({ phase: 'Pending' });
    expect(node.kubelet.events().find(({ reason }) => reason === 'FailedMount')).toMatchObject({ type: 'Warning', message });
    objects.put(configMap('late', { key: 'value' }));
    const { metadata } = await node.until('a', isReady);
    expect(await readFile(file(metadata?.uid, 'key'), 'utf8')).toBe('value');
  });

  it('shows its changes while it runs, without a restart', async () => {
    objects.put(configMap('live', { key: '1' }));
    await node.write('manifests/a.yaml', podYaml('a', spec('configMap: {name: live}')));
    await node.kubelet.start();
    const { metadata } = await node.until('a', isReady);
    objects.put(configMap('live', { key: '2' }));
    await expect.poll(() => readFile(file(metadata?.uid, 'key'), 'utf8')).toBe('2');
    expect(node.pod('a')?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it('shows what has changed while there was no kubelet', async () => {
    objects.put(configMap('live', { key: '1' }));
    await node.write('manifests/a.yaml', podYaml('a', spec('configMap: {name: live}')));
    await node.kubelet.start();
    const { metadata } = await node.until('a', isReady);
    await node.kubelet.stop({ removePods: false });
    objects.put(configMap('live', { key: '2' }));
    node.replaceKubelet({ objects });
    await node.kubelet.start();
    await expect.poll(() => readFile(file(metadata?.uid, 'key'), 'utf8')).toBe('2');
  });
});

it('a part of a volume whose name has an unknown variable is a CreateContainerConfigError', async () => {
  await node.write('manifests/a.yaml', podYaml('a', spec('emptyDir: {}', ', subPathExpr: $(NONE)')));
  await node.kubelet.start();
  const reasonOf = (pod: Awaited<ReturnType<typeof node.until>>) => pod.status?.containerStatuses?.[0]?.state?.waiting;
  const pod = await node.until('a', (candidate) => reasonOf(candidate)?.reason === 'CreateContainerConfigError');
  expect(reasonOf(pod)?.message).toBe('missing value for "NONE"');
});

describe('after a restart of the kubelet', () => {
  it.skipIf(process.getuid?.() !== 0)('a pod that is wanted no more leaves no mount and no directory (needs root to mount)', async () => {
    objects.put(secret('login', { key: '1' }));
    const manifest = await node.write('manifests/a.yaml', podYaml('a', spec('secret: {secretName: login}', ', subPath: key')));
    await node.kubelet.start();
    await node.until('a', isReady);
    expect(await mountsBelow(node.root)).toHaveLength(2);
    await node.kubelet.stop({ removePods: false });
    await rm(manifest);
    node.replaceKubelet({ objects });
    await node.kubelet.start();
    await expect.poll(() => readdir(join(node.root, 'kubelet/pods')), { timeout: 5000 }).toEqual([]);
    expect(await mountsBelow(node.root)).toEqual([]);
  });

  it('directories of pods that nobody has are removed, and those of its pods stay', async () => {
    objects.put(configMap('live', { key: '1' }));
    await node.write('manifests/a.yaml', podYaml('a', spec('configMap: {name: live}')));
    const left = join(node.root, 'kubelet/pods/0000/volumes/kubernetes.io~empty-dir/v');
    await mkdir(left, { recursive: true });
    await writeFile(join(left, 'file'), '');
    await node.kubelet.start();
    const { metadata } = await node.until('a', isReady);
    await expect.poll(() => existsSync(join(node.root, 'kubelet/pods/0000'))).toBe(false);
    expect(existsSync(file(metadata?.uid, 'key'))).toBe(true);
  });
});
