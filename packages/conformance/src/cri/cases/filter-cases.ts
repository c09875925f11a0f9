import { expectEqual, expectSame, expectTrue, present } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { unknownId } from '../expect.ts';
import type { ContainerFilter, SandboxFilter } from '../messages.ts';
import type { CriTarget } from '../target.ts';

async function sandboxes({ client }: CriTarget, filter: SandboxFilter): Promise<string[]> {
  return (await client.ListPodSandbox({ filter })).items.map(({ id }) => id);
}

async function containers({ client }: CriTarget, filter: ContainerFilter): Promise<string[]> {
  return (await client.ListContainers({ filter })).containers.map(({ id }) => id);
}

/** Lists, and what leaves things out of them. */
export const filterCases: Case<CriTarget>[] = [
  {
    id: 'filter.sandbox-prefix',
    group: 'filter',
    clause: 'a filter takes an unambiguous beginning of a sandbox id (cri.proto, PodSandboxFilter.id)',
    proves: ['PodSandboxFilter.id'],
    async run(target) {
      const { id } = await target.sharedPod();
      expectSame(await sandboxes(target, { id: id.slice(0, 16) }), [id], 'sandboxes of that beginning');
      expectSame(await sandboxes(target, { id: id.slice(1) }), [], 'sandboxes of an end of the id');
    },
  },
  {
    id: 'filter.container-prefix',
    group: 'filter',
    clause: 'a filter takes an unambiguous beginning of a container id (cri.proto, ContainerFilter.id)',
    proves: ['ContainerFilter.id'],
    async run(target) {
      await target.withContainer({}, async ({ id }) => {
        expectSame(await containers(target, { id: id.slice(0, 16) }), [id], 'containers of that beginning');
        expectSame(await containers(target, { id: id.slice(1) }), [], 'containers of an end of the id');
      });
    },
  },
  {
    id: 'filter.unknown-ids',
    group: 'filter',
    clause: 'a filter that nothing matches gives an empty list, and no error (cri.proto, ListContainers)',
    proves: ['ListContainers', 'ListPodSandbox'],
    async run(target) {
      expectSame(await sandboxes(target, { id: unknownId }), [], 'sandboxes');
      expectSame(await containers(target, { id: unknownId }), [], 'containers');
      expectSame(await containers(target, { podSandboxId: unknownId }), [], 'containers of an unknown sandbox');
    },
  },
  {
    id: 'filter.none',
    group: 'filter',
    clause: 'without conditions everything matches: no filter, and an empty one (cri.proto, PodSandboxFilter)',
    proves: ['ListPodSandboxRequest.filter', 'ListContainersRequest.filter'],
    async run(target) {
      await target.withContainer({}, async ({ id, sandboxId }) => {
        expectTrue((await sandboxes(target, {})).includes(sandboxId), 'an empty filter leaves the sandbox out');
        expectTrue((await containers(target, {})).includes(id), 'an empty filter leaves the container out');
        const { items } = await target.client.ListPodSandbox({});
        expectTrue(
          items.some((item) => item.id === sandboxId),
          'no filter leaves the sandbox out',
        );
        const listed = await target.client.ListContainers({});
        expectTrue(
          listed.containers.some((container) => container.id === id),
          'no filter leaves the container out',
        );
      });
    },
  },
  {
    id: 'filter.labels-all',
    group: 'filter',
    clause: 'each key of a label selector must have exactly its value (cri.proto, PodSandboxFilter.label_selector)',
    proves: ['PodSandboxFilter.label_selector', 'ContainerFilter.label_selector'],
    async run(target) {
      const labels = { 'example.com/app': 'web', tier: 'front' };
      await target.withPod({ labels }, async (pod) => {
        const { id } = await pod.create({ labels });
        const check = async (labelSelector: Record<string, string>, matches: boolean): Promise<void> => {
          expectEqual(
            (await sandboxes(target, { id: pod.id, labelSelector })).length,
            matches ? 1 : 0,
            `sandboxes with ${JSON.stringify(labelSelector)}`,
          );
          expectEqual(
            (await containers(target, { id, labelSelector })).length,
            matches ? 1 : 0,
            `containers with ${JSON.stringify(labelSelector)}`,
          );
        };
        await check(labels, true);
        await check({ tier: 'front' }, true);
        await check({ ...labels, tier: 'back' }, false);
        await check({ ...labels, more: '' }, false);
        await check({ tier: 'fron' }, false);
        await check({ tier: '' }, false);
      });
    },
  },
  {
    id: 'filter.container-state',
    group: 'filter',
    clause: 'a state selects the containers that are in it at that time (cri.proto, ContainerFilter.state)',
    proves: ['ContainerFilter.state', 'ContainerStateValue.state'],
    async run(target) {
      await target.withContainer({}, async (container) => {
        const states = async (): Promise<string> => {
          const found: string[] = [];
          for (const state of ['CONTAINER_CREATED', 'CONTAINER_RUNNING', 'CONTAINER_EXITED'] as const)
            if ((await containers(target, { id: container.id, state: { state } })).length > 0) found.push(state);
          return found.join();
        };
        expectEqual(await states(), 'CONTAINER_CREATED', 'listed as');
        await container.start();
        expectEqual(await states(), 'CONTAINER_RUNNING', 'listed as');
        await container.stop(0);
        expectEqual(await states(), 'CONTAINER_EXITED', 'listed as');
      });
    },
  },
  {
    id: 'filter.sandbox-state',
    group: 'filter',
    clause: 'a state selects the sandboxes that are in it at that time (cri.proto, PodSandboxFilter.state)',
    proves: ['PodSandboxFilter.state', 'PodSandboxStateValue.state'],
    async run(target) {
      await target.withPod({}, async ({ id }) => {
        expectEqual((await sandboxes(target, { id, state: { state: 'SANDBOX_READY' } })).length, 1, 'listed as ready');
        await target.client.StopPodSandbox({ podSandboxId: id });
        expectEqual((await sandboxes(target, { id, state: { state: 'SANDBOX_READY' } })).length, 0, 'listed as ready after its stop');
        expectEqual((await sandboxes(target, { id, state: { state: 'SANDBOX_NOTREADY' } })).length, 1, 'listed as not ready');
      });
    },
  },
  {
    id: 'filter.container-of-sandbox',
    group: 'filter',
    clause: 'pod_sandbox_id selects the containers of one sandbox, all of them (cri.proto, ContainerFilter.pod_sandbox_id)',
    proves: ['ContainerFilter.pod_sandbox_id', 'Container.pod_sandbox_id'],
    async run(target) {
      await target.withPod({}, async (pod) => {
        const ids = [(await pod.create()).id, (await pod.create()).id];
        await target.withContainer({}, async () => {
          expectSame((await containers(target, { podSandboxId: pod.id })).toSorted(), ids.toSorted(), 'containers of the sandbox');
        });
      });
    },
  },
  {
    id: 'filter.container-fields',
    group: 'filter',
    clause: 'a listed container has what its status has, and its sandbox (cri.proto, Container)',
    proves: [
      'Container.id',
      'Container.metadata',
      'Container.image',
      'Container.image_ref',
      'Container.state',
      'Container.created_at',
      'Container.labels',
      'Container.annotations',
      'ListContainersResponse.containers',
    ],
    async run(target) {
      const change = { labels: { a: 'b' }, annotations: { 'example.com/c': 'd' }, metadata: { name: 'listed', attempt: 3 } };
      await target.withContainer(change, async (container) => {
        const status = await container.status();
        const listed = present((await target.client.ListContainers({ filter: { id: container.id } })).containers[0], 'the container');
        expectEqual(listed.podSandboxId, container.sandboxId, 'pod_sandbox_id');
        expectSame(listed.metadata, { name: 'listed', attempt: 3 }, 'metadata');
        expectSame([listed.labels.a, listed.annotations['example.com/c']], ['b', 'd'], 'label and annotation');
        expectEqual(listed.createdAt, status.createdAt, 'created_at');
        expectTrue(listed.imageRef !== '', 'image_ref is empty');
      });
    },
  },
  {
    id: 'filter.container-attributes',
    group: 'filter',
    clause: 'labels and annotations of a container come back unaltered, not mixed with those of its sandbox (cri.proto, ContainerConfig)',
    proves: ['ContainerConfig.labels', 'ContainerConfig.annotations', 'ContainerStatus.labels', 'ContainerStatus.annotations'],
    async run(target) {
      const labels = { own: 'container', 'example.com/empty': '' };
      const annotations = { 'example.com/note': 'any text: "quoted", ünïcode\nand lines' };
      await target.withPod({ labels: { own: 'sandbox', only: 'sandbox' } }, async (pod) => {
        const status = await (await pod.create({ labels, annotations })).status();
        for (const [key, value] of Object.entries(labels)) expectEqual(status.labels[key], value, `label ${key}`);
        for (const [key, value] of Object.entries(annotations)) expectEqual(status.annotations[key], value, `annotation ${key}`);
        expectEqual(status.labels.only, undefined, "a label of the sandbox's");
      });
    },
  },
  {
    id: 'filter.created-order',
    group: 'filter',
    clause: 'created_at tells which container was made first (cri.proto, ContainerStatus.created_at)',
    proves: ['ContainerStatus.created_at'],
    async run(target) {
      await target.withContainer({}, (first) =>
        target.withContainer({}, async (second) => {
          const [earlier, later] = [BigInt((await first.status()).createdAt), BigInt((await second.status()).createdAt)];
          expectTrue(earlier < later, `the first was made at ${earlier}, the second at ${later}`);
          expectTrue(earlier > 1_600_000_000_000_000_000n, `created_at isn't nanoseconds since the epoch: ${earlier}`);
        }),
      );
    },
  },
  {
    id: 'filter.stream-sandboxes',
    group: 'filter',
    clause: 'StreamPodSandboxes gives what ListPodSandbox gives, no item twice, at least one a message (cri.proto, StreamPodSandboxes)',
    proves: ['StreamPodSandboxes', 'StreamPodSandboxesRequest.filter', 'StreamPodSandboxesResponse.pod_sandboxes'],
    async run(target, signal) {
      const { id } = await target.sharedPod();
      for (const filter of [{ id }, { id: unknownId }]) {
        const streamed: string[] = [];
        for await (const { podSandboxes } of target.client.StreamPodSandboxes({ filter }, { signal })) {
          expectTrue(podSandboxes.length > 0, 'a message without an item');
          streamed.push(...podSandboxes.map((item) => item.id));
        }
        expectSame(streamed.toSorted(), (await sandboxes(target, filter)).toSorted(), 'ids');
      }
    },
  },
  {
    id: 'filter.stream-containers',
    group: 'filter',
    clause: 'StreamContainers gives what ListContainers gives, no item twice, at least one a message (cri.proto, StreamContainers)',
    proves: ['StreamContainers', 'StreamContainersRequest.filter', 'StreamContainersResponse.containers'],
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        await pod.create();
        await pod.create();
        for (const filter of [{ podSandboxId: pod.id }, { id: unknownId }]) {
          const streamed: string[] = [];
          for await (const message of target.client.StreamContainers({ filter }, { signal })) {
            expectTrue(message.containers.length > 0, 'a message without an item');
            streamed.push(...message.containers.map((item) => item.id));
          }
          expectSame(streamed.toSorted(), (await containers(target, filter)).toSorted(), 'ids');
        }
      });
    },
  },
];
