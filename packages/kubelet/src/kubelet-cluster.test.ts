import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryClusterApi } from '../testing/memory-cluster-api.ts';
import { isReady, podYaml, TestNode } from '../testing/node.ts';

let node: TestNode;
let cluster: MemoryClusterApi;

const bound = (name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { nodeName: 'node', containers: [{ name: 'main', image: 'a' }] },
});
const manifest = (name: string, image = 'a') => podYaml(name, `  containers: [{name: main, image: ${image}}]\n`);

beforeEach(async () => {
  cluster = new MemoryClusterApi();
  node = await TestNode.create({ cluster });
  await mkdir(join(node.root, 'manifests'));
});

afterEach(() => node.remove());

describe('a pod of the API', () => {
  it('runs where it is bound, with its own uid and the source api', async () => {
    cluster.put(bound('web'));
    cluster.put({ ...bound('elsewhere'), spec: { ...bound('x').spec, nodeName: 'other' } as Pod['spec'] });
    await node.kubelet.start();
    const pod = await node.until('web', isReady);
    expect(pod.metadata).toMatchObject({
      uid: cluster.pod('default/web')?.metadata?.uid,
      annotations: { 'kubernetes.io/config.source': 'api' },
    });
    expect(node.pod('elsewhere')).toBeUndefined();
  });

  it('that is deleted ends, and only then is removed from the API', async () => {
    cluster.put(bound('web'));
    await node.kubelet.start();
    await node.until('web', isReady);
    let alive: number | undefined;
    cluster.faults.set('deletePod', () => {
      alive = node.runtime.sandboxes.size;
    });
    cluster.markDeleted('default/web');
    await expect.poll(() => cluster.pod('default/web')).toBeUndefined();
    expect([alive, node.pod('web'), node.runtime.calls.filter((call) => call.startsWith('RunPodSandbox')).length]).toEqual([
      0,
      undefined,
      1,
    ]);
  });

  it('that was deleted while the kubelet was away ends', async () => {
    cluster.put(bound('web'));
    await node.kubelet.start();
    await node.until('web', isReady);
    await node.kubelet.stop({ removePods: false });
    cluster.markDeleted('default/web');
    node.replaceKubelet({ cluster });
    await node.kubelet.start();
    await expect.poll(() => cluster.pod('default/web')).toBeUndefined();
    expect([node.runtime.sandboxes.size, node.runtime.calls.filter((call) => call.startsWith('CreateContainer')).length]).toEqual([0, 1]);
  });
});

describe('the mirror of a static pod', () => {
  it('is made in the API, and is not run', async () => {
    await node.write('manifests/a.yaml', manifest('a'));
    await node.kubelet.start();
    const pod = await node.until('a', isReady);
    await expect
      .poll(() => cluster.pod('default/a')?.metadata?.annotations)
      .toMatchObject({ 'kubernetes.io/config.mirror': pod.metadata?.uid });
    await expect.poll(async () => (await node.get('/metrics')).body).toContain('\nkubelet_mirror_pods 1\n');
    expect([node.runtime.sandboxes.size, node.kubelet.pods().length]).toEqual([1, 1]);
  });

  it('that somebody deletes comes again, and the pod runs on', async () => {
    await node.write('manifests/a.yaml', manifest('a'));
    await node.kubelet.start();
    await expect.poll(() => cluster.pod('default/a')).toBeDefined();
    const first = cluster.pod('default/a')?.metadata?.uid;
    cluster.markDeleted('default/a');
    await expect.poll(() => cluster.pod('default/a')?.metadata?.uid !== first && cluster.pod('default/a') !== undefined).toBe(true);
    expect(node.runtime.calls.some((call) => call.startsWith('StopPodSandbox'))).toBe(false);
  });

  it('follows a change of the pod, and goes with it', async () => {
    await node.write('manifests/a.yaml', manifest('a'));
    await node.kubelet.start();
    await expect.poll(() => cluster.pod('default/a')).toBeDefined();
    await node.write('manifests/a.yaml', manifest('a', 'b'));
    await expect.poll(() => cluster.pod('default/a')?.spec?.containers[0]?.image, { timeout: 5000 }).toBe('b');
    await rm(join(node.root, 'manifests/a.yaml'));
    await expect.poll(() => cluster.allPods(), { timeout: 5000 }).toEqual([]);
  });

  it('is made once the API answers again', async () => {
    let failures = 0;
    cluster.faults.set('createPod', () => {
      if (failures++ === 0) throw new PluginError('UNAVAILABLE', 'it is away');
    });
    await node.write('manifests/a.yaml', manifest('a'));
    await node.kubelet.start();
    await expect.poll(() => failures).toBe(1);
    await node.write('manifests/b.yaml', manifest('b'));
    await expect.poll(() => cluster.allPods().length, { timeout: 5000 }).toBe(2);
  });
});

it('a static pod that comes back while it ends begins anew', async () => {
  node.runtime.behaviours.set('main', { ignoresStop: true });
  const text = podYaml('a', '  terminationGracePeriodSeconds: 1\n  containers: [{name: main, image: a}]\n');
  await node.write('manifests/a.yaml', text);
  await node.kubelet.start();
  await node.until('a', isReady);
  await rm(join(node.root, 'manifests/a.yaml'));
  await node.until('a', (pod) => pod.metadata?.deletionTimestamp !== undefined);
  await node.write('manifests/a.yaml', text);
  await node.until('a', (pod) => pod.metadata?.deletionTimestamp === undefined && isReady(pod));
  expect(node.runtime.calls.filter((call) => call.startsWith('RunPodSandbox'))).toHaveLength(2);
  expect((await node.get('/metrics')).body).toMatch(/^kubelet_restarted_pods_total\{static="true"\} 1$/m);
});

it('a healthy node says so on /healthz/syncloop, and exports how long its loop was held up', async () => {
  await node.kubelet.start();
  expect(await node.get('/healthz/syncloop')).toEqual({ status: 200, body: 'ok' });
  expect((await node.get('/metrics')).body).toMatch(/^berth_sync_loop_longest_stall_seconds \d/m);
});

describe('what becomes of a pod', () => {
  it('is told to the API: its status, and what happened to it and to the node', async () => {
    cluster.put(bound('web'));
    await node.kubelet.start();
    await expect.poll(() => cluster.pod('default/web')?.status?.phase).toBe('Running');
    const reasons = () => [...cluster.events.values()].map(({ reason, involvedObject }) => `${involvedObject.name} ${reason}`);
    await expect.poll(reasons).toEqual(expect.arrayContaining(['node Starting', 'web Pulled', 'web Created', 'web Started']));
  });

  it('on the static side is told to its mirror', async () => {
    await node.write('manifests/a.yaml', manifest('a'));
    await node.kubelet.start();
    await expect.poll(() => cluster.pod('default/a-node')?.status?.phase ?? cluster.pod('default/a')?.status?.phase).toBe('Running');
  });

  it('with a readiness gate is ready once somebody has set its condition', async () => {
    const spec = { ...bound('web').spec, readinessGates: [{ conditionType: 'example.org/lb' }] } as Pod['spec'];
    cluster.put({ ...bound('web'), spec });
    await node.kubelet.start();
    const closed = ({ status }: Pod) => status?.conditions?.some(({ reason }) => reason === 'ReadinessGatesNotReady') ?? false;
    await expect.poll(() => closed(cluster.pod('default/web') as Pod)).toBe(true);
    const known = cluster.pod('default/web') as Pod;
    const conditions = [...(known.status?.conditions ?? []), { type: 'example.org/lb', status: 'True' as const }];
    cluster.put({ ...known, status: { ...known.status, conditions } });
    await node.until('web', isReady);
    await expect.poll(() => isReady(cluster.pod('default/web') as Pod)).toBe(true);
  });
});
