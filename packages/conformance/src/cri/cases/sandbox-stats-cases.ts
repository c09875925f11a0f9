import { expectEqual, expectSame, expectTrue, present } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { unknownId } from '../expect.ts';
import { expectRecent, expectUsage, numberOf } from '../figures.ts';
import { withMeasured } from '../measured-pod.ts';
import type { SandboxStats } from '../messages.ts';
import { network, resources } from '../needs.ts';
import type { TestPod } from '../pod.ts';
import type { CriTarget } from '../target.ts';

async function statsOf({ client }: CriTarget, pod: TestPod): Promise<SandboxStats> {
  return (await client.PodSandboxStats({ podSandboxId: pod.id })).stats;
}

/** What whole pods use. */
export const sandboxStatsCases: Case<CriTarget>[] = [
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
        const { attributes, linux } = await statsOf(target, pod);
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
        const { linux } = await statsOf(target, pod);
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
        const { linux } = await statsOf(target, pod);
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
        const { linux } = await statsOf(target, pod);
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
];
