import { expectDistinct, expectEqual, expectTrue } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { unknownId } from '../expect.ts';
import { processes } from '../needs.ts';
import type { CriTarget } from '../target.ts';

/** What a client may do in which order, and how often. */
export const orderCases: Case<CriTarget>[] = [
  {
    id: 'order.start-twice',
    group: 'order',
    clause: 'a container that runs can not be started again (cri.proto, StartContainer)',
    proves: ['StartContainer', 'StartContainerRequest.container_id'],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await expectRefused(container.start(), 'StartContainer of a running container');
        expectEqual((await container.status()).state, 'CONTAINER_RUNNING', 'state afterwards');
      });
    },
  },
  {
    id: 'order.start-exited',
    group: 'order',
    clause: 'a container that has run before can not be started again (cri.proto, StartContainer)',
    proves: ['StartContainer'],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await container.stop(0);
        await expectRefused(container.start(), 'StartContainer of an ended container');
        expectEqual((await container.status()).state, 'CONTAINER_EXITED', 'state afterwards');
      });
    },
  },
  {
    id: 'order.start-unknown',
    group: 'order',
    clause: 'StartContainer of an unknown container is an error (cri.proto, StartContainer)',
    proves: ['StartContainer'],
    async run({ client }) {
      await expectRefused(client.StartContainer({ containerId: unknownId }), 'StartContainer of an unknown id', 'NOT_FOUND');
    },
  },
  {
    id: 'order.create-unknown-sandbox',
    group: 'order',
    clause: 'a container is made in a sandbox that is there (cri.proto, CreateContainer)',
    proves: ['CreateContainer', 'CreateContainerRequest.pod_sandbox_id'],
    async run(target) {
      const sandboxConfig = target.sandboxConfig();
      const config = { metadata: { name: 'main' }, image: { image: await target.image('shell') } };
      await expectRefused(
        target.client.CreateContainer({ podSandboxId: unknownId, config, sandboxConfig }),
        'CreateContainer in no sandbox',
      );
    },
  },
  {
    id: 'order.create-stopped-sandbox',
    group: 'order',
    clause: 'a container is made in a sandbox that is ready (cri.proto, CreateContainer)',
    proves: ['CreateContainer'],
    async run(target) {
      await target.withPod({}, async (pod) => {
        await target.client.StopPodSandbox({ podSandboxId: pod.id });
        await expectRefused(
          pod.create().then((container) => container.start()),
          'a container in a stopped sandbox',
        );
      });
    },
  },
  {
    id: 'order.create-absent-image',
    group: 'order',
    clause: 'the image of a container must have been pulled (cri.proto, CreateContainer)',
    proves: ['ContainerConfig.image'],
    async run(target) {
      const pod = await target.sharedPod();
      await expectRefused(pod.create({ image: { image: 'localhost/no/such/image:1' } }), 'CreateContainer with an absent image');
    },
  },
  {
    id: 'order.create-same-name',
    group: 'order',
    clause: 'name and attempt tell containers of a sandbox apart: a second one of both is refused (cri.proto, ContainerMetadata)',
    proves: ['ContainerMetadata.name', 'ContainerMetadata.attempt'],
    async run(target) {
      await target.withContainer({ metadata: { name: 'twin', attempt: 0 } }, async (container) => {
        const pod = await target.sharedPod();
        await expectRefused(pod.create({ metadata: { name: 'twin', attempt: 0 } }), 'a second container of that name and attempt');
        const next = await pod.create({ metadata: { name: 'twin', attempt: 1 } });
        expectTrue(next.id !== container.id, 'the next attempt has the id of the one before');
        expectEqual((await next.status()).metadata.attempt, 1, 'metadata.attempt');
        await next.remove();
      });
    },
  },
  {
    id: 'order.name-free-after-removal',
    group: 'order',
    clause: 'a removed container gives its name back, and its id is never used again (cri.proto, RemoveContainer)',
    proves: ['RemoveContainer', 'CreateContainerResponse.container_id'],
    async run(target) {
      const make = (): Promise<string> => target.withContainer({ metadata: { name: 'again', attempt: 0 } }, async ({ id }) => id);
      const ids = [await make(), await make(), await make()];
      expectDistinct(ids, 'ids given again');
    },
  },
  {
    id: 'order.stop-created',
    group: 'order',
    clause: 'StopContainer of a container that was never started is no error (cri.proto, StopContainer)',
    proves: ['StopContainer'],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.stop(1);
        expectTrue((await container.status()).state !== 'CONTAINER_RUNNING', 'it runs');
      });
    },
  },
  {
    id: 'order.stop-unknown',
    group: 'order',
    clause: 'StopContainer is idempotent: an unknown container is no error (cri.proto, StopContainer)',
    proves: ['StopContainer'],
    async run({ client }) {
      await client.StopContainer({ containerId: unknownId, timeout: 1 });
    },
  },
  {
    id: 'order.stop-removed',
    group: 'order',
    clause: 'StopContainer of a removed container is no error (cri.proto, StopContainer)',
    proves: ['StopContainer'],
    async run(target) {
      const container = await target.withContainer({}, async (created) => created);
      await container.stop(0);
    },
  },
  {
    id: 'order.stop-exited',
    group: 'order',
    clause: 'StopContainer of a container that ended by itself changes nothing (cri.proto, StopContainer)',
    proves: ['StopContainer', 'ContainerStatus.exit_code'],
    needs: [processes],
    async run(target, signal) {
      await target.withContainer({ command: ['sh', '-c', 'exit 4'] }, async (container) => {
        await container.start();
        const before = await container.ended(signal);
        await container.stop(1);
        const after = await container.status();
        expectEqual(after.exitCode, 4, 'exit_code');
        expectEqual(after.finishedAt, before.finishedAt, 'finished_at');
      });
    },
  },
  {
    id: 'order.remove-unknown',
    group: 'order',
    clause: 'RemoveContainer is idempotent: an unknown container is no error (cri.proto, RemoveContainer)',
    proves: ['RemoveContainer'],
    async run({ client }) {
      await client.RemoveContainer({ containerId: unknownId });
    },
  },
  {
    id: 'order.remove-created',
    group: 'order',
    clause: 'RemoveContainer removes a container that was never started (cri.proto, RemoveContainer)',
    proves: ['RemoveContainer'],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.remove();
        await expectRefused(container.status(), 'ContainerStatus of a removed container', 'NOT_FOUND');
      });
    },
  },
  {
    id: 'order.stop-unknown-sandbox',
    group: 'order',
    clause: 'StopPodSandbox is idempotent: an unknown sandbox is no error (cri.proto, StopPodSandbox)',
    proves: ['StopPodSandbox'],
    async run({ client }) {
      await client.StopPodSandbox({ podSandboxId: unknownId });
    },
  },
  {
    id: 'order.remove-unknown-sandbox',
    group: 'order',
    clause: 'RemovePodSandbox is idempotent: an unknown sandbox is no error (cri.proto, RemovePodSandbox)',
    proves: ['RemovePodSandbox'],
    async run({ client }) {
      await client.RemovePodSandbox({ podSandboxId: unknownId });
    },
  },
  {
    id: 'order.stop-removed-sandbox',
    group: 'order',
    clause: 'StopPodSandbox of a removed sandbox is no error (cri.proto, StopPodSandbox)',
    proves: ['StopPodSandbox'],
    async run(target) {
      const podSandboxId = await target.withSandbox(target.sandboxConfig(), async (id) => id);
      await target.client.StopPodSandbox({ podSandboxId });
    },
  },
  {
    id: 'order.remove-ready-sandbox',
    group: 'order',
    clause: 'RemovePodSandbox ends and removes by force what runs in a sandbox that was not stopped (cri.proto, RemovePodSandbox)',
    proves: ['RemovePodSandbox'],
    async run(target) {
      await target.withPod({}, async (pod) => {
        const container = await pod.start();
        await target.client.RemovePodSandbox({ podSandboxId: pod.id });
        await expectRefused(container.status(), 'ContainerStatus after its sandbox was removed', 'NOT_FOUND');
        await expectRefused(pod.status(), 'PodSandboxStatus of a removed sandbox', 'NOT_FOUND');
      });
    },
  },
  {
    id: 'order.status-unknown-container',
    group: 'order',
    clause: 'ContainerStatus of an unknown container is NOT_FOUND (cri.proto, ContainerStatus)',
    proves: ['ContainerStatus', 'ContainerStatusRequest.container_id'],
    async run({ client }) {
      await expectRefused(client.ContainerStatus({ containerId: unknownId }), 'ContainerStatus of an unknown id', 'NOT_FOUND');
    },
  },
];
