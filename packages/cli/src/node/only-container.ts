import { PluginError } from '@berth/sdk/errors';
import type { KubeletClient } from './kubelet-client.ts';

/** The container that a command means if it names none: that of a pod with one. An error lists those of a pod with more. */
export async function onlyContainer(client: KubeletClient, namespace: string, name: string): Promise<string> {
  const pod = (await client.pods()).find((candidate) => candidate.metadata?.name === name && candidate.metadata.namespace === namespace);
  const containers = pod?.spec?.containers ?? [];
  if (!pod)
    throw new PluginError('NOT_FOUND', 'no such pod on this node', {
      object: `pod ${namespace}/${name}`,
      hint: 'list them with "berth ps"',
    });
  if (containers.length === 1) return (containers[0] as { name: string }).name;
  const names = containers.map((container) => container.name).join(', ');
  throw new PluginError('INVALID_ARGUMENT', `it has ${containers.length} containers: ${names}`, {
    object: `pod ${namespace}/${name}`,
    hint: 'choose one with -c',
  });
}
