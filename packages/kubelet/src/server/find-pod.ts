import type { Container, Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { allContainers, findContainer, fullNameOf } from '../pod.ts';
import type { NodeView } from './node-view.ts';

/** The pod that a path names; NOT_FOUND if the node hasn't got it. */
export function findPod(node: NodeView, params: Record<string, string>): Pod {
  const fullName = `${params.namespace}/${params.pod}`;
  const pod = node.pods().find((candidate) => fullNameOf(candidate) === fullName);
  if (!pod)
    throw new PluginError('NOT_FOUND', 'no such pod on this node', { object: `pod ${fullName}`, hint: 'list the pods with "berth ps"' });
  return pod;
}

/** The container of that name, an init container too; NOT_FOUND if the pod hasn't got it. */
export function containerOf(pod: Pod, name: string): Container {
  const container = findContainer(pod, name);
  if (container) return container;
  throw new PluginError('NOT_FOUND', 'the pod has none of this name', {
    object: `container ${name} of pod ${fullNameOf(pod)}`,
    hint: `choose one of ${allContainers(pod)
      .map((candidate) => candidate.name)
      .join(', ')}`,
  });
}
