import { setTimeout as sleep } from 'node:timers/promises';
import { expectEqual, expectSame, expectTrue, present } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { unknownId } from '../expect.ts';
import { expectFilesystem, expectUsage, numberOf } from '../figures.ts';
import { withMeasured } from '../measured-pod.ts';
import type { ContainerStats, MemoryUsage } from '../messages.ts';
import { resources } from '../needs.ts';
import type { CriTarget } from '../target.ts';

const mebibyte = 1024 * 1024;
const pollMs = 100;

async function statsOf({ client }: CriTarget, containerId: string): Promise<ContainerStats> {
  return (await client.ContainerStats({ containerId })).stats;
}

/** What containers use. */
export const containerStatsCases: Case<CriTarget>[] = [
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
        const { cpu, memory } = await statsOf(target, container.id);
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
        const { attributes } = await statsOf(target, containerId);
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
        const used = async () => numberOf((await statsOf(target, container.id)).cpu?.usageCoreNanoSeconds, 'cpu time');
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
          return present((await statsOf(target, container.id)).memory, 'memory');
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
        const memory = async (): Promise<MemoryUsage> => present((await statsOf(target, container.id)).memory, 'memory');
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
          const layer = (await statsOf(target, container.id)).writableLayer;
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
];
