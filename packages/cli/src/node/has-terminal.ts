import type { KubeletClient } from './kubelet-client.ts';

/** Whether a container was made with a terminal (`tty` in its spec): one that wasn't can't be given one when it is attached to. */
export async function hasTerminal(client: KubeletClient, namespace: string, name: string, container: string): Promise<boolean> {
  const pod = (await client.pods()).find(({ metadata }) => metadata?.name === name && metadata.namespace === namespace);
  const containers = [...(pod?.spec?.initContainers ?? []), ...(pod?.spec?.containers ?? [])];
  return containers.find((candidate) => candidate.name === container)?.tty ?? false;
}
