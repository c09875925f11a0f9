import type { Case } from '../suite.ts';
import { expectEqual, expectRefused, expectTrue } from './expect.ts';
import type { CriTarget } from './target.ts';

const unknownId = 'f'.repeat(64);

export const sandboxCases: Case<CriTarget>[] = [
  {
    id: 'sandbox.run',
    group: 'sandbox',
    clause: 'RunPodSandbox leaves the sandbox ready (api.proto, RunPodSandbox)',
    proves: [
      'RunPodSandbox',
      'PodSandboxStatus',
      'RunPodSandboxResponse.pod_sandbox_id',
      'PodSandboxStatus.id',
      'PodSandboxStatus.metadata',
      'PodSandboxStatus.state',
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
    proves: ['StopPodSandbox', 'StopPodSandboxRequest.pod_sandbox_id'],
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
];
