import { setTimeout as sleep } from 'node:timers/promises';
import { expectEqual, expectMatch, expectSame, expectTrue, present } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { expectRefused, sinceRelease, unknownId } from '../expect.ts';
import type { CpuUsage, Figure, FilesystemUsage, MemoryUsage } from '../messages.ts';
import { network, resources } from '../needs.ts';
import type { TestPod } from '../pod.ts';
import type { CriTarget } from '../target.ts';

const mebibyte = 1024 * 1024;
const pollMs = 100;

function numberOf(figure: Figure | null | undefined, what: string): bigint {
  return BigInt(present(figure, what).value);
}

function expectRecent(timestamp: string, what: string): void {
  const age = Date.now() - Number(BigInt(timestamp) / 1_000_000n);
  expectTrue(Math.abs(age) < 120_000, `${what} was taken ${age} ms ago`);
}

function expectUsage(cpu: CpuUsage | null, memory: MemoryUsage | null): void {
  expectTrue(numberOf(cpu?.usageCoreNanoSeconds, 'cpu.usage_core_nano_seconds') > 0n, 'no CPU time was used');
  expectTrue(numberOf(memory?.workingSetBytes, 'memory.working_set_bytes') > 0n, 'no memory is in use');
  expectRecent(present(cpu, 'cpu').timestamp, 'cpu');
  expectRecent(present(memory, 'memory').timestamp, 'memory');
}

/** Runs `work` in a pod with one container that has labels. */
function withMeasured<Result>(target: CriTarget, work: (pod: TestPod, containerId: string) => Promise<Result>): Promise<Result> {
  return target.withPod({ labels: { measured: 'sandbox' }, annotations: { 'example.com/measured': 'sandbox' } }, async (pod) => {
    const annotations = { 'example.com/measured': 'container' };
    const container = await pod.start({ labels: { measured: 'container' }, annotations, metadata: { name: 'measured', attempt: 2 } });
    return work(pod, container.id);
  });
}

function expectFilesystem(usage: FilesystemUsage | undefined, what: string): void {
  expectTrue(present(present(usage, what).fsId, `${what}.fs_id`).mountpoint.startsWith('/'), `${what}.fs_id.mountpoint is no path`);
  expectTrue(numberOf(usage?.usedBytes, `${what}.used_bytes`) > 0n, `${what}.used_bytes is 0`);
  expectTrue(numberOf(usage?.inodesUsed, `${what}.inodes_used`) >= 0n, `${what}.inodes_used is negative`);
  expectRecent(usage?.timestamp ?? '0', what);
}

/** What containers, sandboxes and images use. */
export const statsCases: Case<CriTarget>[] = [
  {
    id: 'stats.container',
    group: 'stats',
    clause: 'ContainerStats tells CPU time and memory of a running container (cri.proto, ContainerStats)',
    proves: [
      'ContainerStats',
      'ContainerStatsRequest.container_id',
      'ContainerStatsResponse.stats',
      'ContainerStats.cpu',
      'ContainerStats.memory',
      'CpuUsage.timestamp',
      'CpuUsage.usage_core_nano_seconds',
      'MemoryUsage.timestamp',
      'MemoryUsage.working_set_bytes',
      'UInt64Value.value',
    ],
    needs: [resources],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const { cpu, memory } = (await target.client.ContainerStats({ containerId: container.id })).stats;
        expectUsage(cpu, memory);
      });
    },
  },
  {
    id: 'stats.attributes',
    group: 'stats',
    clause: 'the figures say which container they are of (cri.proto, ContainerAttributes)',
    proves: [
      'ContainerStats.attributes',
      'ContainerAttributes.id',
      'ContainerAttributes.metadata',
      'ContainerAttributes.labels',
      'ContainerAttributes.annotations',
    ],
    async run(target) {
      await withMeasured(target, async (_pod, containerId) => {
        const { attributes } = (await target.client.ContainerStats({ containerId })).stats;
        expectEqual(attributes.id, containerId, 'id');
        expectSame(attributes.metadata, { name: 'measured', attempt: 2 }, 'metadata');
        expectEqual(attributes.labels.measured, 'container', 'label');
        expectEqual(attributes.annotations['example.com/measured'], 'container', 'annotation');
      });
    },
  },
  {
    id: 'stats.unknown',
    group: 'stats',
    clause: 'ContainerStats of an unknown container is NOT_FOUND (cri.proto, ContainerStats)',
    proves: ['ContainerStats'],
    async run({ client }) {
      await expectRefused(client.ContainerStats({ containerId: unknownId }), 'ContainerStats of an unknown id', 'NOT_FOUND');
    },
  },
  {
    id: 'stats.cpu-grows',
    group: 'stats',
    clause: 'usage_core_nano_seconds is the CPU time since the start, which grows with work (cri.proto, CpuUsage.usage_core_nano_seconds)',
    proves: ['CpuUsage.usage_core_nano_seconds'],
    needs: [resources],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const used = async () =>
          numberOf((await target.client.ContainerStats({ containerId: container.id })).stats.cpu?.usageCoreNanoSeconds, 'cpu time');
        const before = await used();
        await container.script('i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done');
        expectTrue((await used()) - before > 20_000_000n, `from ${before} to ${await used()} ns by work of some hundred milliseconds`);
      });
    },
  },
  {
    id: 'stats.memory-available',
    group: 'stats',
    clause: 'available_bytes is the limit less the working set, and unset without a limit (cri.proto, MemoryUsage.available_bytes)',
    proves: ['MemoryUsage.available_bytes', 'MemoryUsage.usage_bytes'],
    needs: [resources],
    async run(target) {
      const memoryOf = async (limits: object): Promise<MemoryUsage> =>
        target.withContainer({ linux: { resources: limits } }, async (container) => {
          await container.start();
          return present((await target.client.ContainerStats({ containerId: container.id })).stats.memory, 'memory');
        });
      const limited = await memoryOf({ memoryLimitInBytes: 64 * mebibyte });
      const sum = numberOf(limited.availableBytes, 'available_bytes') + numberOf(limited.workingSetBytes, 'working_set_bytes');
      expectEqual(sum, BigInt(64 * mebibyte), 'available and working set together');
      const { availableBytes, usageBytes } = await memoryOf({});
      expectEqual(BigInt(availableBytes?.value ?? 0), 0n, 'available_bytes without a limit');
      expectTrue(numberOf(usageBytes, 'usage_bytes') > 0n, 'usage_bytes is 0');
    },
  },
  {
    id: 'stats.memory-kinds',
    group: 'stats',
    clause: 'of the memory in use what is anonymous is told, and how often the process had to get a page (cri.proto, MemoryUsage)',
    proves: ['MemoryUsage.rss_bytes', 'MemoryUsage.page_faults', 'MemoryUsage.major_page_faults'],
    needs: [resources],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const memory = async (): Promise<MemoryUsage> =>
          present((await target.client.ContainerStats({ containerId: container.id })).stats.memory, 'memory');
        const before = await memory();
        await container.script('i=0; while [ $i -lt 20 ]; do true | true; i=$((i+1)); done');
        const after = await memory();
        expectTrue(numberOf(after.rssBytes, 'rss_bytes') > 0n, 'rss_bytes is 0');
        expectTrue(
          numberOf(after.pageFaults, 'page_faults') > numberOf(before.pageFaults, 'page_faults'),
          'new processes had no page faults',
        );
        expectTrue(numberOf(after.majorPageFaults, 'major_page_faults') >= 0n, 'major_page_faults is negative');
      });
    },
  },
  {
    id: 'stats.writable-layer',
    group: 'stats',
    clause: 'writable_layer is what the container has written over its image (cri.proto, ContainerStats.writable_layer)',
    proves: [
      'ContainerStats.writable_layer',
      'FilesystemUsage.fs_id',
      'FilesystemUsage.used_bytes',
      'FilesystemUsage.inodes_used',
      'FilesystemUsage.timestamp',
    ],
    needs: [resources],
    timeLimitMs: 90_000,
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await container.script('head -c 3000000 /dev/zero > /written; sync');
        for (;;) {
          const layer = (await target.client.ContainerStats({ containerId: container.id })).stats.writableLayer;
          if (BigInt(layer?.usedBytes?.value ?? 0) >= 3_000_000n) return expectFilesystem(layer ?? undefined, 'writable_layer');
          // A runtime may measure it now and then only.
          await sleep(pollMs, undefined, { signal });
        }
      });
    },
  },
  {
    id: 'stats.list',
    group: 'stats',
    clause: 'ListContainerStats has the containers that match: by id, by sandbox, by labels (cri.proto, ContainerStatsFilter)',
    proves: [
      'ListContainerStats',
      'ListContainerStatsRequest.filter',
      'ListContainerStatsResponse.stats',
      'ContainerStatsFilter.id',
      'ContainerStatsFilter.pod_sandbox_id',
      'ContainerStatsFilter.label_selector',
    ],
    async run(target) {
      await withMeasured(target, async (pod, containerId) => {
        const ids = async (filter: object) =>
          (await target.client.ListContainerStats({ filter })).stats.map(({ attributes }) => attributes.id);
        const labelSelector = { measured: 'container' };
        for (const filter of [{ id: containerId }, { podSandboxId: pod.id }, { id: containerId, labelSelector }])
          expectSame(await ids(filter), [containerId], `containers of ${JSON.stringify(filter)}`);
        expectSame(await ids({ id: unknownId }), [], 'containers of an unknown id');
        expectSame(await ids({ id: containerId, labelSelector: { measured: 'other' } }), [], 'containers of another label');
        expectTrue((await ids({})).includes(containerId), 'an empty filter leaves it out');
      });
    },
  },
  {
    id: 'stats.stream',
    group: 'stats',
    clause: 'StreamContainerStats gives what ListContainerStats gives (cri.proto, StreamContainerStats)',
    proves: ['StreamContainerStats', 'StreamContainerStatsRequest.filter', 'StreamContainerStatsResponse.container_stats'],
    async run(target, signal) {
      await withMeasured(target, async (pod, containerId) => {
        const streamed: string[] = [];
        for await (const { containerStats } of target.client.StreamContainerStats({ filter: { podSandboxId: pod.id } }, { signal }))
          streamed.push(...containerStats.map(({ attributes }) => attributes.id));
        expectSame(streamed, [containerId], 'ids');
      });
    },
  },
  {
    id: 'stats.sandbox',
    group: 'stats',
    clause: 'PodSandboxStats tells what the whole pod uses, and each of its containers (cri.proto, PodSandboxStats)',
    proves: [
      'PodSandboxStats',
      'PodSandboxStatsRequest.pod_sandbox_id',
      'PodSandboxStatsResponse.stats',
      'PodSandboxStats.attributes',
      'PodSandboxStats.linux',
      'PodSandboxAttributes.id',
      'PodSandboxAttributes.metadata',
      'PodSandboxAttributes.labels',
      'PodSandboxAttributes.annotations',
      'LinuxPodSandboxStats.cpu',
      'LinuxPodSandboxStats.memory',
      'LinuxPodSandboxStats.containers',
    ],
    needs: [resources],
    async run(target) {
      await withMeasured(target, async (pod, containerId) => {
        const { attributes, linux } = (await target.client.PodSandboxStats({ podSandboxId: pod.id })).stats;
        expectEqual(attributes.id, pod.id, 'id');
        expectEqual((attributes.metadata as { uid?: string }).uid, pod.config.metadata.uid, 'metadata.uid');
        expectEqual(attributes.labels.measured, 'sandbox', 'label');
        expectEqual(attributes.annotations['example.com/measured'], 'sandbox', 'annotation');
        const { cpu, memory, containers } = present(linux, 'linux');
        expectUsage(cpu, memory);
        expectSame(
          containers.map((one) => one.attributes.id),
          [containerId],
          'ids of the containers',
        );
      });
    },
  },
  {
    id: 'stats.sandbox-network',
    group: 'stats',
    clause: "PodSandboxStats counts what goes over the pod's interface (cri.proto, NetworkInterfaceUsage)",
    proves: [
      'LinuxPodSandboxStats.network',
      'NetworkUsage.default_interface',
      'NetworkInterfaceUsage.name',
      'NetworkInterfaceUsage.rx_bytes',
      'NetworkInterfaceUsage.rx_errors',
      'NetworkInterfaceUsage.tx_bytes',
      'NetworkInterfaceUsage.tx_errors',
    ],
    needs: [network, resources],
    async run(target) {
      await withMeasured(target, async (pod) => {
        const { linux } = (await target.client.PodSandboxStats({ podSandboxId: pod.id })).stats;
        const { defaultInterface } = present(linux?.network, 'linux.network');
        const { name, rxBytes, rxErrors, txBytes, txErrors } = present(defaultInterface, 'default_interface');
        expectTrue(name !== '' && name !== 'lo', `the default interface is "${name}"`);
        for (const [figure, what] of [
          [rxBytes, 'rx_bytes'],
          [txBytes, 'tx_bytes'],
          [rxErrors, 'rx_errors'],
          [txErrors, 'tx_errors'],
        ] as const)
          expectTrue(numberOf(figure, what) >= 0n, `${what} is negative`);
      });
    },
  },
  {
    id: 'stats.network-time',
    group: 'stats',
    clause: 'the counters of a network come with the time when they were read (cri.proto, NetworkUsage.timestamp)',
    proves: ['NetworkUsage.timestamp'],
    needs: [network, resources],
    async run(target) {
      await withMeasured(target, async (pod) => {
        const { linux } = (await target.client.PodSandboxStats({ podSandboxId: pod.id })).stats;
        expectRecent(present(linux?.network, 'linux.network').timestamp, 'network');
      });
    },
  },
  {
    id: 'stats.sandbox-processes',
    group: 'stats',
    clause: 'PodSandboxStats counts the processes of a sandbox (cri.proto, ProcessUsage)',
    proves: ['LinuxPodSandboxStats.process', 'ProcessUsage.process_count', 'ProcessUsage.timestamp'],
    needs: [resources],
    async run(target) {
      await withMeasured(target, async (pod) => {
        const { linux } = (await target.client.PodSandboxStats({ podSandboxId: pod.id })).stats;
        const count = numberOf(linux?.process?.processCount, 'process_count');
        expectTrue(count >= 1n && count < 50n, `a pod with one process has ${count}`);
        expectRecent(linux?.process?.timestamp ?? '0', 'process');
      });
    },
  },
  {
    id: 'stats.sandbox-unknown',
    group: 'stats',
    clause: 'PodSandboxStats of an unknown sandbox is NOT_FOUND (cri.proto, PodSandboxStats)',
    proves: ['PodSandboxStats'],
    async run({ client }) {
      await expectRefused(client.PodSandboxStats({ podSandboxId: unknownId }), 'PodSandboxStats of an unknown id', 'NOT_FOUND');
    },
  },
  {
    id: 'stats.sandbox-list',
    group: 'stats',
    clause: 'ListPodSandboxStats has the sandboxes that match, by id and by labels (cri.proto, PodSandboxStatsFilter)',
    proves: [
      'ListPodSandboxStats',
      'ListPodSandboxStatsRequest.filter',
      'ListPodSandboxStatsResponse.stats',
      'PodSandboxStatsFilter.id',
      'PodSandboxStatsFilter.label_selector',
    ],
    async run(target) {
      await withMeasured(target, async (pod) => {
        const ids = async (filter: object) =>
          (await target.client.ListPodSandboxStats({ filter })).stats.map(({ attributes }) => attributes.id);
        expectSame(await ids({ id: pod.id }), [pod.id], 'sandboxes of that id');
        expectSame(await ids({ id: pod.id, labelSelector: { measured: 'sandbox' } }), [pod.id], 'sandboxes of that id and label');
        expectSame(await ids({ id: pod.id, labelSelector: { measured: 'other' } }), [], 'sandboxes of another label');
      });
    },
  },
  {
    id: 'stats.sandbox-stream',
    group: 'stats',
    clause: 'StreamPodSandboxStats gives what ListPodSandboxStats gives (cri.proto, StreamPodSandboxStats)',
    proves: ['StreamPodSandboxStats', 'StreamPodSandboxStatsRequest.filter', 'StreamPodSandboxStatsResponse.pod_sandbox_stats'],
    async run(target, signal) {
      await withMeasured(target, async (pod) => {
        const streamed: string[] = [];
        for await (const { podSandboxStats } of target.client.StreamPodSandboxStats({ filter: { id: pod.id } }, { signal }))
          streamed.push(...podSandboxStats.map(({ attributes }) => attributes.id));
        expectSame(streamed, [pod.id], 'ids');
      });
    },
  },
  {
    id: 'stats.image-filesystem',
    group: 'stats',
    clause: 'ImageFsInfo tells what images and writable layers have in use (cri.proto, ImageFsInfo)',
    proves: ['ImageFsInfo', 'ImageFsInfoResponse.image_filesystems', 'FilesystemIdentifier.mountpoint'],
    needs: [resources],
    async run(target) {
      await target.image('shell');
      const { imageFilesystems } = await target.client.ImageFsInfo({});
      expectFilesystem(imageFilesystems[0], 'image_filesystems[0]');
    },
  },
  {
    id: 'stats.container-filesystem',
    group: 'stats',
    clause: 'ImageFsInfo tells where writable layers are, beside images or apart (cri.proto, ImageFsInfoResponse.container_filesystems)',
    proves: ['ImageFsInfoResponse.container_filesystems'],
    needs: [resources],
    async run(target) {
      sinceRelease(target, '0.29', 'container_filesystems');
      const { containerFilesystems } = await target.client.ImageFsInfo({});
      expectMatch(containerFilesystems[0]?.fsId?.mountpoint ?? '', /^\//, 'container_filesystems[0].fs_id.mountpoint');
    },
  },
  {
    id: 'stats.metric-descriptors',
    group: 'stats',
    clause: 'ListMetricDescriptors tells each metric once, with its help and label keys (cri.proto, MetricDescriptor)',
    proves: [
      'ListMetricDescriptors',
      'ListMetricDescriptorsResponse.descriptors',
      'MetricDescriptor.name',
      'MetricDescriptor.help',
      'MetricDescriptor.label_keys',
    ],
    needs: [resources],
    async run({ client }) {
      const { descriptors } = await client.ListMetricDescriptors({});
      expectTrue(descriptors.length > 0, 'no descriptors');
      expectEqual(new Set(descriptors.map(({ name }) => name)).size, descriptors.length, 'descriptors told apart by name');
      for (const { name, help } of descriptors)
        expectTrue(/^[a-zA-Z_:][\w:]*$/.test(name) && help !== '', `"${name}" is no name, or has no help`);
    },
  },
  {
    id: 'stats.metrics',
    group: 'stats',
    clause: 'ListPodSandboxMetrics gives metrics that are described, with a label value for each key (cri.proto, Metric)',
    proves: [
      'ListPodSandboxMetrics',
      'ListPodSandboxMetricsResponse.pod_metrics',
      'PodSandboxMetrics.pod_sandbox_id',
      'PodSandboxMetrics.metrics',
      'PodSandboxMetrics.container_metrics',
      'ContainerMetrics.container_id',
      'ContainerMetrics.metrics',
      'Metric.name',
      'Metric.label_values',
      'Metric.metric_type',
      'Metric.value',
    ],
    needs: [resources],
    async run(target) {
      await withMeasured(target, async (pod, containerId) => {
        const { descriptors } = await target.client.ListMetricDescriptors({});
        const keys = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys.length]));
        const { podMetrics } = await target.client.ListPodSandboxMetrics({});
        const own = present(
          podMetrics.find(({ podSandboxId }) => podSandboxId === pod.id),
          'the sandbox',
        );
        const ofContainer = present(
          own.containerMetrics.find((one) => one.containerId === containerId),
          'the container',
        ).metrics;
        expectTrue(ofContainer.length > 0, 'no metrics of the container');
        for (const { name, labelValues, metricType } of [...own.metrics, ...ofContainer]) {
          expectEqual(labelValues.length, keys.get(name) ?? -1, `label values of ${name}`);
          expectTrue(['COUNTER', 'GAUGE'].includes(metricType), `${name} is a ${metricType}`);
        }
      });
    },
  },
  {
    id: 'stats.metrics-stream',
    group: 'stats',
    clause: 'StreamPodSandboxMetrics gives what ListPodSandboxMetrics gives (cri.proto, StreamPodSandboxMetrics)',
    proves: ['StreamPodSandboxMetrics', 'StreamPodSandboxMetricsResponse.pod_sandbox_metrics'],
    needs: [resources],
    async run(target, signal) {
      await withMeasured(target, async (pod) => {
        const streamed: string[] = [];
        for await (const { podSandboxMetrics } of target.client.StreamPodSandboxMetrics({}, { signal }))
          streamed.push(...podSandboxMetrics.map(({ podSandboxId }) => podSandboxId));
        expectEqual(streamed.filter((id) => id === pod.id).length, 1, 'times that the sandbox is told');
      });
    },
  },
];
