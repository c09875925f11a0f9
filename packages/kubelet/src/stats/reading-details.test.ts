import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMetricDescriptorsResponse, ListPodSandboxMetricsResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostFiles, writeTree } from '../../testing/file-tree.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { CgroupTree } from './cgroup-tree.ts';
import type { NodeReading } from './node-reading.ts';
import { ReadingDetailsReader } from './reading-details.ts';

const signal = AbortSignal.timeout(20_000);
const insideCounters = 'h\nh\n  eth0: 30 3 2 1 0 0 0 0 40 4 5 6 0 0 0 0\n';
const inside = {
  name: 'eth0',
  received: { bytes: 30, packets: 3, errors: 2, dropped: 1 },
  sent: { bytes: 40, packets: 4, errors: 5, dropped: 6 },
};

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-details-'));
  await writeTree(root, {
    ...hostFiles,
    'proc/self/mountinfo': '22 1 254:1 / / rw - ext4 /dev/vda1 rw\n',
    'proc/77/net/dev': insideCounters,
    'cgroup/cgroup.controllers': '',
    'cgroup/pod1/c/cgroup.procs': '77\n',
  });
  await namespaces('net:[2]');
});

afterEach(() => rm(root, { recursive: true }));

/** Of this process net:[1], of the pod's this one. */
async function namespaces(ofPod: string): Promise<void> {
  for (const [process, name] of [
    ['self', 'net:[1]'],
    ['77', ofPod],
  ] as const) {
    await mkdir(join(root, 'proc', process, 'ns'), { recursive: true });
    await rm(join(root, 'proc', process, 'ns/net'), { force: true });
    await symlink(name, join(root, 'proc', process, 'ns/net'));
  }
}

type Metrics = Pick<RuntimeClient['runtime'], 'listMetricDescriptors' | 'listPodSandboxMetrics'>;

function reader(metrics: Metrics, onDemand?: { started: boolean }): ReadingDetailsReader {
  const client = { handler: 'runc', runtime: metrics, onDemand } as unknown as RuntimeClient;
  return new ReadingDetailsReader({ clients: [client], tree: new CgroupTree(join(root, 'cgroup')), proc: join(root, 'proc') });
}

const reading = {
  pods: [{ sandboxId: 's1', cgroup: '/pod1', containers: [{ layerMountpoint: '/var/lib/layers' }] }],
  failed: [],
} as unknown as NodeReading;

const unimplemented = (calls: string[]): Metrics => ({
  listMetricDescriptors: async () => {
    calls.push('ListMetricDescriptors');
    throw new PluginError('UNIMPLEMENTED', 'unknown method');
  },
  listPodSandboxMetrics: () => Promise.reject(new Error('it is not to be called')),
});

/** Tells of packets received alone, with the interface behind another label. */
const telling: Metrics = {
  listMetricDescriptors: async () =>
    ListMetricDescriptorsResponse.fromPartial({
      descriptors: [
        { name: 'container_network_receive_packets_total', labelKeys: ['id', 'interface'] },
        { name: 'container_memory_rss', labelKeys: ['id'] },
      ],
    }),
  listPodSandboxMetrics: async () =>
    ListPodSandboxMetricsResponse.fromPartial({
      podMetrics: [
        {
          podSandboxId: 's1',
          metrics: [
            { name: 'container_network_receive_packets_total', labelValues: ['s1', 'eth1'], value: { value: 9n } },
            { name: 'container_memory_rss', labelValues: ['s1'], value: { value: 1n } },
          ],
        },
      ],
    }),
};

it('the node has its own interfaces, and writable layers their device', async () => {
  const { interfaces, devices } = await reader(telling).read(reading, signal);
  expect(interfaces).toEqual([
    {
      name: 'ens3',
      received: { bytes: 1000, packets: 9, errors: 1, dropped: 0 },
      sent: { bytes: 2000, packets: 8, errors: 2, dropped: 0 },
    },
  ]);
  expect(devices).toEqual(new Map([['/var/lib/layers', '/dev/vda1']]));
});

describe('the network of a pod', () => {
  it('is what the runtime’s metrics tell, and no more', async () => {
    const { ofSandbox } = await reader(telling).read(reading, signal);
    expect(ofSandbox.get('s1')).toEqual([{ name: 'eth1', received: { packets: 9 }, sent: {} }]);
  });

  it('is seen through a process of it where the runtime has no metrics, which is asked for them once', async () => {
    const calls: string[] = [];
    const details = reader(unimplemented(calls));
    await details.read(reading, signal);
    expect((await details.read(reading, signal)).ofSandbox.get('s1')).toEqual([inside]);
    expect(calls).toEqual(['ListMetricDescriptors']);
  });

  it('is none where its process has the network of the host', async () => {
    await namespaces('net:[1]');
    expect((await reader(unimplemented([])).read(reading, signal)).ofSandbox.get('s1')).toEqual([]);
  });

  it('is none where the pod has no process', async () => {
    await rm(join(root, 'cgroup/pod1'), { recursive: true });
    expect((await reader(unimplemented([])).read(reading, signal)).ofSandbox.get('s1')).toEqual([]);
  });

  it('of a runtime that isn’t started is not asked for', async () => {
    const calls: string[] = [];
    await reader(unimplemented(calls), { started: false }).read(reading, signal);
    expect(calls).toEqual([]);
  });
});
