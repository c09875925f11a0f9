import type { Pod } from '@berth/api/objects';
import { ContainerState, ListContainersRequest, ListPodSandboxRequest, PodSandboxState } from '@berth/sdk/cri';
import { containerNameLabel, podNameLabel, podNamespaceLabel, podUidLabel } from '../cri/labels.ts';
import type { NodeRuntimes } from './node-runtimes.ts';

const deadlineMs = 10_000;

/** Pods that have a running sandbox, with the containers that run, as the runtimes know them: names, uids and images, and no more. */
export async function runningPods(runtimes: NodeRuntimes, signal: AbortSignal): Promise<Pod[]> {
  const started = runtimes.all().filter(({ onDemand }) => onDemand?.started !== false);
  const lists = await Promise.all(
    started.map(async ({ runtime }) => {
      const [{ items }, { containers }] = await Promise.all([
        runtime.listPodSandbox(ListPodSandboxRequest.create(), { signal, deadlineMs }),
        runtime.listContainers(ListContainersRequest.create(), { signal, deadlineMs }),
      ]);
      return items
        .filter(({ state, labels }) => state === PodSandboxState.SANDBOX_READY && labels[podUidLabel])
        .map(({ id, labels }): Pod => {
          const inside = containers.filter(({ podSandboxId, state }) => podSandboxId === id && state === ContainerState.CONTAINER_RUNNING);
          return {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name: labels[podNameLabel], namespace: labels[podNamespaceLabel], uid: labels[podUidLabel] },
            spec: {
              containers: inside.map((container) => ({
                name: container.labels[containerNameLabel] ?? '',
                image: container.image?.userSpecifiedImage || container.image?.image,
                resources: {},
              })),
            },
            status: {},
          };
        });
    }),
  );
  return lists.flat();
}
