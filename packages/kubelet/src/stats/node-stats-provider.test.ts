import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hostFiles, writeTree } from '../../testing/file-tree.ts';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';
import { systemClock } from '../clock.ts';
import { specOf, uidOf } from '../pod.ts';
import { PodDirectories } from '../pod-directories.ts';
import { NodeRuntimes } from '../runtime/node-runtimes.ts';
import { NodeStatsProvider } from './node-stats-provider.ts';
import type { PodStats } from './summary.ts';

const spec = `  containers: [{name: main, image: "a:1", volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, emptyDir: {}}, {name: ram, emptyDir: {medium: Memory}}, {name: host, hostPath: {path: /tmp}}]
`;

let node: TestNode;
let stats: NodeStatsProvider;
const signal = AbortSignal.timeout(30_000);

beforeEach(async () => {
  node = await TestNode.create();
  await mkdir(join(node.root, 'manifests'));
  await mkdir(join(node.root, 'images'));
  Object.assign(node.runtime.figures, { cpu: 5_000_000_000n, memory: 2_000_000n, disk: 8192n, mountpoint: join(node.root, 'images') });
  node.runtime.behaviours.set('main', { output: 'hello' });
  await writeTree(node.root, hostFiles);
  await node.write('manifests/a.yaml', podYaml('a', spec.replace(', {name: ram, emptyDir: {medium: Memory}}', '')));
  stats = provider();
  await node.kubelet.start();
  await node.until('a', isReady);
});

afterEach(() => node.remove());

/** Over the test's runtime, and a host made of files. */
function provider(): NodeStatsProvider {
  return new NodeStatsProvider({
    nodeName: 'node',
    directories: new PodDirectories(join(node.root, 'kubelet'), join(node.root, 'logs')),
    runtimes: new NodeRuntimes({ runtimes: new Map([['timer', node.client]]), defaultHandler: 'timer', runtimeClasses: [] }),
    pods: () => node.kubelet.pods(),
    cgroupOf: async (pod: Pod) => `/kubepods/pod${uidOf(pod)}`,
    systemCgroups: { podsCgroup: '/kubepods', runtimeCgroups: '/gone' },
    clock: systemClock,
    log: pino({ level: 'silent' }),
    host: { proc: join(node.root, 'proc'), cgroupMount: join(node.root, 'cgroup') },
  });
}

async function podStats(options: { onlyCpuAndMemory?: boolean } = {}): Promise<PodStats | undefined> {
  return (await stats.summary({ maxAgeMs: 0, signal, ...options })).pods[0];
}

async function writeCgroups(): Promise<void> {
  const uid = uidOf(node.pod('a') as Pod);
  const id = [...node.runtime.containers.keys()][0];
  const files = {
    'cpu.stat': 'usage_usec 6000000\n',
    'memory.current': '3000000\n',
    'memory.stat': 'anon 1000\ninactive_file 500000\n',
    'pids.current': '4\n',
    'memory.max': '10000000\n',
  };
  const tree = { 'cgroup.controllers': 'cpu memory pids\n' } as Record<string, string>;
  for (const directory of ['kubepods', `kubepods/pod${uid}`, `kubepods/pod${uid}/cri-${id}.scope`]) {
    for (const [name, text] of Object.entries(files)) tree[`${directory}/${name}`] = text;
  }
  tree[`kubepods/pod${uid}/cri-${id}.scope/cgroup.procs`] = '77\n';
  await writeTree(join(node.root, 'cgroup'), tree);
  await writeTree(node.root, { 'proc/77/net/dev': 'h\nh\n  eth0: 30 1 0 0 0 0 0 0 40 1 0 0 0 0 0 0\n' });
  stats = provider();
}

it('a summary tells of the node, its limits and its file systems', async () => {
  const { node: told } = await stats.summary({ signal });
  expect(told).toMatchObject({
    nodeName: 'node',
    startTime: '2023-11-14T22:13:20Z',
    memory: { availableBytes: 2 ** 32 - 5 * 2 ** 29, workingSetBytes: 5 * 2 ** 29 },
    network: { name: 'ens3', rxBytes: 1000 },
    rlimit: { maxpid: 30_000, curproc: 321 },
    swap: { swapUsageBytes: 1_048_576, swapAvailableBytes: 1_048_576 },
    runtime: { imageFs: { usedBytes: 8192, inodesUsed: 7 }, containerFs: { usedBytes: 8192 } },
  });
  expect(told.fs?.capacityBytes).toBeGreaterThan(told.fs?.availableBytes ?? Number.NaN);
  expect(told.systemContainers).toMatchObject([{ name: 'kubelet', memory: { rssBytes: expect.any(Number) } }]);
});

it('a pod is told with what the runtime says, its volumes, logs and ephemeral storage', async () => {
  const directory = join(node.root, 'kubelet/pods', uidOf(node.pod('a') as Pod));
  await writeFile(join(directory, 'volumes/kubernetes.io~empty-dir/data/file'), 'x'.repeat(9000));
  const pod = await podStats();
  expect(pod).toMatchObject({
    podRef: { name: 'a', namespace: 'default' },
    cpu: { usageCoreNanoSeconds: 5_000_000_000 },
    memory: { workingSetBytes: 2_000_000, usageBytes: 2_001_000 },
    network: { name: 'eth0', rxBytes: 10, txBytes: 20, txErrors: 1, interfaces: [{ name: 'eth0' }] },
    process_stats: { process_count: 1 },
    containers: [{ name: 'main', rootfs: { usedBytes: 8192, inodesUsed: 3 }, logs: { inodesUsed: 2 } }],
    volume: [{ name: 'data', inodesUsed: 2 }],
  });
  const hosts = (await stat(join(directory, 'etc-hosts'))).blocks * 512;
  const [volume, logs] = [pod?.volume?.[0]?.usedBytes ?? 0, pod?.containers[0]?.logs?.usedBytes ?? 0];
  expect(volume).toBeGreaterThanOrEqual(9000);
  expect(pod?.['ephemeral-storage']?.usedBytes).toBe(8192 + volume + logs + hosts);
});

it.each([
  [0, true],
  [60_000, false],
])('with a volumeStatsAggPeriod of %i ms what is written now is told now: %s', async (volumeStatsAggPeriodMs, told) => {
  await node.kubelet.stop({ removePods: false });
  node.replaceKubelet({ volumeStatsAggPeriodMs });
  await node.kubelet.start();
  await node.until('a', isReady);
  const used = async (): Promise<number> => JSON.parse((await node.get('/stats/summary')).body).pods[0].volume[0].usedBytes;
  const before = await used();
  const directory = join(node.root, 'kubelet/pods', uidOf(node.pod('a') as Pod));
  await writeFile(join(directory, 'volumes/kubernetes.io~empty-dir/data/file'), 'x'.repeat(9000));
  expect((await used()) - before >= 9000).toBe(told);
});

it('only_cpu_and_memory leaves out what takes long', async () => {
  const { node: told, pods } = await stats.summary({ onlyCpuAndMemory: true, signal });
  expect(Object.keys(told).toSorted()).toEqual(['cpu', 'memory', 'nodeName', 'startTime', 'swap', 'systemContainers']);
  expect(Object.keys(pods[0] ?? {}).toSorted()).toEqual(['containers', 'cpu', 'memory', 'podRef', 'startTime']);
  expect(Object.keys(pods[0]?.containers[0] ?? {}).toSorted()).toEqual(['cpu', 'memory', 'name', 'startTime']);
});

it('what a runtime does not tell comes from the cgroups, and from the network namespace of a process', async () => {
  node.runtime.figures.podsUnimplemented = true;
  await writeCgroups();
  const pod = await podStats();
  expect(pod).toMatchObject({
    cpu: { usageCoreNanoSeconds: 6_000_000_000 },
    memory: { workingSetBytes: 2_500_000, availableBytes: 7_500_000, rssBytes: 1000 },
    process_stats: { process_count: 4 },
    network: { rxBytes: 30, txBytes: 40 },
    containers: [{ cpu: { usageCoreNanoSeconds: 5_000_000_000 }, memory: { workingSetBytes: 2_000_000, rssBytes: 1000 } }],
  });
  const { pods, systemContainers } = await stats.reading({ signal });
  expect(pods[0]?.containers[0]?.cgroup).toBe(`${pods[0]?.cgroup}/cri-${[...node.runtime.containers.keys()][0]}.scope`);
  expect(systemContainers.map(({ name }) => name)).toEqual(['kubelet', 'pods']);
});

it('a CPU rate is that between two readings', async () => {
  expect((await podStats())?.containers[0]?.cpu).not.toHaveProperty('usageNanoCores');
  await expect
    .poll(async () => (await stats.reading({ maxAgeMs: 0, signal })).pods[0]?.containers[0]?.cpu?.usageNanoCores, { interval: 300 })
    .toBe(0);
  node.runtime.figures.cpu += 60_000_000_000n;
  await expect.poll(async () => (await podStats())?.containers[0]?.cpu?.usageNanoCores, { interval: 300 }).toBeGreaterThan(1_000_000_000);
});

it('a reading is told again until it is too old, and to all who ask at once', async () => {
  const [one, two] = await Promise.all([stats.reading({ signal }), stats.reading({ signal, onlyCpuAndMemory: true })]);
  expect(two).toBe(one);
  expect(await stats.reading({ signal })).toBe(one);
  expect(await stats.reading({ maxAgeMs: 0, signal })).not.toBe(one);
});

it('a runtime that tells nothing costs its pods only', async () => {
  node.runtime.faults.set('ListPodSandbox', () => {
    throw new Error('broken');
  });
  const { pods, failed, node: told } = await stats.reading({ signal });
  expect([pods, failed, told.nodeName]).toEqual([[], ['timer'], 'node']);
});

it("pods of other kubelets aren't told", async () => {
  for (const { config } of node.runtime.sandboxes.values()) config.annotations['berth.dev/kubelet-root'] = '/another';
  expect((await stats.summary({ signal })).pods).toEqual([]);
});

it('a client that leaves waits no longer', async () => {
  await expect(stats.summary({ signal: AbortSignal.abort() })).rejects.toThrow();
  expect(specOf(node.pod('a') as Pod).containers).toHaveLength(1);
});

it('GET /stats/summary answers with it', async () => {
  const whole = JSON.parse((await node.get('/stats/summary')).body);
  expect(whole).toMatchObject({ node: { nodeName: 'node', fs: {} }, pods: [{ podRef: { name: 'a' }, volume: [{ name: 'data' }] }] });
  const short = JSON.parse((await node.get('/stats/summary?only_cpu_and_memory=true')).body);
  expect(short.pods[0]).not.toHaveProperty('volume');
});
