import type { Container, Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { allContainers, findContainer, findStatus, fullNameOf, uidOf } from '../pod.ts';
import type { NodeView } from './node-view.ts';

/** The pod that a path names, with its uid if that is in the path; NOT_FOUND if the node hasn't got it. */
export function findPod(node: NodeView, params: Record<string, string>): Pod {
  const fullName = `${params.namespace}/${params.pod}`;
  const { uid } = params;
  const pod = node.pods().find((candidate) => fullNameOf(candidate) === fullName && (uid === undefined || uidOf(candidate) === uid));
  if (pod) return pod;
  const [problem, ...others] = node.sourceProblems();
  const unread =
    problem === undefined ? '' : `; not every manifest could be read: ${problem}${others.length > 0 ? ` (and ${others.length} more)` : ''}`;
  throw new PluginError('NOT_FOUND', 'no such pod on this node', {
    object: `pod ${fullName}`,
    hint: `list the pods with "berth ps"${unread}`,
  });
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

/** Handler and id of the container's running instance. */
export function runningContainer(pod: Pod, name: string): { handler: string; id: string } {
  containerOf(pod, name);
  const status = findStatus(pod.status, name);
  const [handler, id] = status?.containerID?.split('://') ?? [];
  if (status?.state?.running && handler !== undefined && id !== undefined) return { handler, id };
  throw new PluginError('FAILED_PRECONDITION', 'it is not running', { object: `container ${name} of pod ${fullNameOf(pod)}` });
}
