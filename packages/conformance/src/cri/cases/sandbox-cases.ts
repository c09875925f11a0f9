import { expectDistinct, expectEqual, expectSame, expectTrue, present } from '../../expect.ts';
import { expectRefused, unlessRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { sinceRelease, unknownId } from '../expect.ts';
import type { CriTarget } from '../target.ts';

export const sandboxCases: Case<CriTarget>[] = [
  {
    id: 'sandbox.run',
    group: 'sandbox',
    clause: 'RunPodSandbox leaves the sandbox ready (api.proto, RunPodSandbox)',
    proves: [
      'RunPodSandbox',
      'PodSandboxStatus',
      'RunPodSandboxResponse.pod_sandbox_id',
      'PodSandboxStatusRequest.pod_sandbox_id',
      'PodSandboxStatusResponse.status',
      'PodSandboxStatus.id',
      'PodSandboxStatus.metadata',
      'PodSandboxStatus.state',
      'PodSandboxState.SANDBOX_READY',
      'PodSandboxStatus.created_at',
      'PodSandboxConfig.metadata',
      'PodSandboxMetadata.name',
      'PodSandboxMetadata.uid',
    ],
    async run(target) {
      const config = target.sandboxConfig();
      await target.withSandbox(config, async (podSandboxId) => {
        const { status } = await target.client.PodSandboxStatus({ podSandboxId });
        expectEqual(status.id, podSandboxId, 'id');
        expectEqual(status.state, 'SANDBOX_READY', 'state');
        expectEqual(status.metadata.name, config.metadata.name, 'metadata.name');
        expectEqual(status.metadata.uid, config.metadata.uid, 'metadata.uid');
        expectTrue(
          BigInt(status.createdAt) > 1_600_000_000_000_000_000n,
          `created_at isn't nanoseconds since the epoch: ${status.createdAt}`,
        );
      });
    },
  },
  {
    id: 'sandbox.attributes',
    group: 'sandbox',
    clause: 'labels and annotations come back unaltered (api.proto, PodSandboxConfig)',
    proves: ['PodSandboxConfig.labels', 'PodSandboxConfig.annotations', 'PodSandboxStatus.labels', 'PodSandboxStatus.annotations'],
    async run(target) {
      const labels = { app: 'conformance', 'example.com/empty': '' };
      const annotations = { 'example.com/note': 'any text: "quoted", ünïcode\nand lines' };
      await target.withSandbox(target.sandboxConfig({ labels, annotations }), async (podSandboxId) => {
        const { status } = await target.client.PodSandboxStatus({ podSandboxId });
        for (const [key, value] of Object.entries(labels)) expectEqual(status.labels[key], value, `label ${key}`);
        for (const [key, value] of Object.entries(annotations)) expectEqual(status.annotations[key], value, `annotation ${key}`);
      });
    },
  },
  {
    id: 'sandbox.list-filter',
    group: 'sandbox',
    clause: 'ListPodSandbox filters by id, state and labels, all of which must match (api.proto, PodSandboxFilter)',
    proves: [
      'ListPodSandbox',
      'ListPodSandboxRequest.filter',
      'PodSandboxFilter.id',
      'PodSandboxFilter.state',
      'PodSandboxFilter.label_selector',
    ],
    async run(target) {
      const list = async (filter: Parameters<typeof target.client.ListPodSandbox>[0]['filter']) =>
        (await target.client.ListPodSandbox({ filter })).items.map((item) => item.id);
      const config = target.sandboxConfig({ labels: { conformance: 'list' } });
      await target.withSandbox(config, async (id) => {
        expectTrue((await list({ id })).includes(id), 'not listed by its id');
        expectTrue((await list({ labelSelector: { conformance: 'list' } })).includes(id), 'not listed by its label');
        expectTrue((await list({ id, state: { state: 'SANDBOX_READY' } })).includes(id), 'not listed as ready');
        expectEqual((await list({ id, state: { state: 'SANDBOX_NOTREADY' } })).length, 0, 'listed as not ready');
        expectEqual((await list({ id, labelSelector: { conformance: 'other' } })).length, 0, "listed by a label that it doesn't have");
      });
    },
  },
  {
    id: 'sandbox.stop-twice',
    group: 'sandbox',
    clause: 'StopPodSandbox is idempotent and leaves the sandbox not ready (api.proto, StopPodSandbox)',
    proves: ['StopPodSandbox', 'StopPodSandboxRequest.pod_sandbox_id', 'PodSandboxState.SANDBOX_NOTREADY'],
    async run(target) {
      await target.withSandbox(target.sandboxConfig(), async (podSandboxId) => {
        await target.client.StopPodSandbox({ podSandboxId });
        await target.client.StopPodSandbox({ podSandboxId });
        expectEqual((await target.client.PodSandboxStatus({ podSandboxId })).status.state, 'SANDBOX_NOTREADY', 'state');
      });
    },
  },
  {
    id: 'sandbox.remove-twice',
    group: 'sandbox',
    clause: 'RemovePodSandbox is idempotent; the sandbox is gone afterwards (api.proto, RemovePodSandbox)',
    proves: ['RemovePodSandbox', 'RemovePodSandboxRequest.pod_sandbox_id'],
    async run(target) {
      const podSandboxId = await target.withSandbox(target.sandboxConfig(), async (id) => id);
      await target.client.RemovePodSandbox({ podSandboxId });
      await expectRefused(target.client.PodSandboxStatus({ podSandboxId }), 'PodSandboxStatus of a removed sandbox', 'NOT_FOUND');
    },
  },
  {
    id: 'sandbox.status-unknown',
    group: 'sandbox',
    clause: 'PodSandboxStatus of an absent sandbox is an error (api.proto, PodSandboxStatus)',
    proves: ['PodSandboxStatus'],
    async run(target) {
      await expectRefused(target.client.PodSandboxStatus({ podSandboxId: unknownId }), 'PodSandboxStatus of an unknown id', 'NOT_FOUND');
    },
  },
  {
    id: 'sandbox.unknown-handler',
    group: 'sandbox',
    clause: 'RunPodSandbox rejects a runtime handler that the runtime does not have (api.proto, RunPodSandboxRequest.runtime_handler)',
    proves: ['RunPodSandboxRequest.runtime_handler'],
    async run(target) {
      await expectRefused(
        target.client.RunPodSandbox({ config: target.sandboxConfig(), runtimeHandler: 'no-such-handler' }),
        'RunPodSandbox with an unknown handler',
      );
    },
  },
  {
    id: 'sandbox.remove-containers',
    group: 'sandbox',
    clause: 'RemovePodSandbox removes the containers of the sandbox (api.proto, RemovePodSandbox)',
    proves: ['RemovePodSandbox'],
    async run(target) {
      const container = await target.withPod({}, (pod) => pod.start());
      await expectRefused(container.status(), 'ContainerStatus after its sandbox was removed', 'NOT_FOUND');
    },
  },
  {
    id: 'sandbox.same-metadata',
    group: 'sandbox',
    clause: 'a second call with the same metadata must not make a second sandbox (cri.proto, RunPodSandbox)',
    proves: ['RunPodSandbox', 'PodSandboxMetadata.name', 'PodSandboxMetadata.uid', 'PodSandboxMetadata.namespace'],
    async run(target) {
      const config = target.sandboxConfig({ labels: { conformance: 'same-metadata' } });
      await target.withSandbox(config, async (id) => {
        const again = await unlessRefused(target.client.RunPodSandbox({ config, runtimeHandler: target.options.handler ?? '' }));
        expectEqual(again?.podSandboxId ?? id, id, 'the sandbox of the second call');
        const { items } = await target.client.ListPodSandbox({ filter: { labelSelector: { conformance: 'same-metadata' } } });
        expectEqual(items.filter(({ metadata }) => metadata.uid === config.metadata.uid).length, 1, 'sandboxes with that metadata');
      });
    },
  },
  {
    id: 'sandbox.next-attempt',
    group: 'sandbox',
    clause: 'another attempt is another sandbox, and both are told apart (cri.proto, PodSandboxMetadata.attempt)',
    proves: ['PodSandboxMetadata.attempt'],
    async run(target) {
      const first = target.sandboxConfig();
      const second = { ...first, metadata: { ...first.metadata, attempt: 1 } };
      await target.withSandbox(first, (firstId) =>
        target.withSandbox(second, async (secondId) => {
          expectTrue(firstId !== secondId, 'both attempts have one id');
          expectEqual((await target.client.PodSandboxStatus({ podSandboxId: secondId })).status.metadata.attempt, 1, 'metadata.attempt');
          expectEqual((await target.client.PodSandboxStatus({ podSandboxId: firstId })).status.metadata.attempt, 0, 'metadata.attempt');
        }),
      );
    },
  },
  {
    id: 'sandbox.created-order',
    group: 'sandbox',
    clause: 'created_at tells which sandbox was made first, in status and list alike (cri.proto, PodSandboxStatus.created_at)',
    proves: ['PodSandboxStatus.created_at', 'PodSandbox.created_at'],
    async run(target) {
      await target.withSandbox(target.sandboxConfig(), (first) =>
        target.withSandbox(target.sandboxConfig(), async (second) => {
          const created = async (podSandboxId: string): Promise<bigint> => {
            const { status } = await target.client.PodSandboxStatus({ podSandboxId });
            const { items } = await target.client.ListPodSandbox({ filter: { id: podSandboxId } });
            expectEqual(items[0]?.createdAt, status.createdAt, 'created_at in the list');
            return BigInt(status.createdAt);
          };
          expectTrue((await created(first)) < (await created(second)), 'the second sandbox is not the younger one');
        }),
      );
    },
  },
  {
    id: 'sandbox.new-ids',
    group: 'sandbox',
    clause: 'the runtime chooses a new id for each sandbox, also where metadata comes again (cri.proto, RunPodSandboxResponse)',
    proves: ['RunPodSandboxResponse.pod_sandbox_id'],
    async run(target) {
      const config = target.sandboxConfig();
      const ids = [await target.withSandbox(config, async (id) => id), await target.withSandbox(config, async (id) => id)];
      expectDistinct(ids, 'ids given again');
    },
  },
  {
    id: 'sandbox.status-verbose',
    group: 'sandbox',
    clause: 'with verbose, PodSandboxStatus has more to tell a person (cri.proto, PodSandboxStatusResponse.info)',
    proves: ['PodSandboxStatusRequest.verbose', 'PodSandboxStatusResponse.info'],
    async run(target) {
      const { id } = await target.sharedPod();
      const { info } = await target.client.PodSandboxStatus({ podSandboxId: id, verbose: true });
      expectTrue(Object.keys(info).length > 0, 'info is empty');
      expectEqual(
        Object.keys((await target.client.PodSandboxStatus({ podSandboxId: id })).info).length,
        0,
        'entries of info without verbose',
      );
    },
  },
  {
    id: 'sandbox.handler-told',
    group: 'sandbox',
    clause: 'runtime_handler comes back as it was asked for, in status and list (cri.proto, PodSandboxStatus.runtime_handler)',
    proves: ['PodSandboxStatus.runtime_handler', 'PodSandbox.runtime_handler'],
    async run(target) {
      const { id } = await target.sharedPod();
      const asked = target.options.handler ?? '';
      expectEqual((await target.client.PodSandboxStatus({ podSandboxId: id })).status.runtimeHandler, asked, 'in the status');
      const { items } = await target.client.ListPodSandbox({ filter: { id } });
      expectEqual(items[0]?.runtimeHandler, asked, 'in the list');
    },
  },
  {
    id: 'sandbox.stop-ends-containers',
    group: 'sandbox',
    clause: 'StopPodSandbox ends all processes of the sandbox by force (cri.proto, StopPodSandbox)',
    proves: ['StopPodSandbox'],
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        const container = await pod.start();
        await target.client.StopPodSandbox({ podSandboxId: pod.id });
        const status = await container.ended(signal);
        expectTrue(status.exitCode !== 0, `the exit code of a killed container is ${status.exitCode}`);
      });
    },
  },
  {
    id: 'sandbox.status-containers',
    group: 'sandbox',
    clause:
      'a runtime with events gives all containers with the status of their sandbox (cri.proto, PodSandboxStatusResponse.containers_statuses)',
    proves: ['PodSandboxStatusResponse.containers_statuses', 'PodSandboxStatusResponse.timestamp'],
    async run(target) {
      sinceRelease(target, '0.26', 'containers_statuses');
      await target.withPod({}, async (pod) => {
        const [first, second] = [await pod.start(), await pod.create()];
        const { containersStatuses, timestamp } = await target.client.PodSandboxStatus({ podSandboxId: pod.id });
        expectSame(containersStatuses.map(({ id }) => id).toSorted(), [first.id, second.id].toSorted(), 'ids of containers_statuses');
        expectTrue(BigInt(timestamp) > 0n, 'timestamp is not set');
      });
    },
  },
  {
    id: 'sandbox.listed-fields',
    group: 'sandbox',
    clause: 'a listed sandbox has the metadata, labels and annotations of its status (cri.proto, PodSandbox)',
    proves: [
      'PodSandbox.id',
      'PodSandbox.metadata',
      'PodSandbox.labels',
      'PodSandbox.annotations',
      'PodSandbox.state',
      'ListPodSandboxResponse.items',
    ],
    async run(target) {
      const config = target.sandboxConfig({ labels: { a: '1', b: '2' }, annotations: { 'example.com/x': 'y' } });
      await target.withSandbox(config, async (id) => {
        const listed = present((await target.client.ListPodSandbox({ filter: { id } })).items[0], 'the sandbox in the list');
        expectEqual(listed.metadata.uid, config.metadata.uid, 'metadata.uid');
        expectEqual(listed.metadata.namespace, config.metadata.namespace, 'metadata.namespace');
        expectEqual(listed.labels.b, '2', 'label b');
        expectEqual(listed.annotations['example.com/x'], 'y', 'annotation example.com/x');
        expectEqual(listed.state, 'SANDBOX_READY', 'state');
      });
    },
  },
];
