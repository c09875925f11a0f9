import { randomUUID } from 'node:crypto';
import type { Pod, PodSpec, Toleration } from '@berth/api/objects';
import { systemPriorityOf } from '@berth/api/priority-class';
import { apiTime, nameOf, namespaceOf } from '../pod.ts';
import { fnv128a } from './fnv128a.ts';

/** Where a static pod was found, and on which node. */
interface StaticPodOrigin {
  nodeName: string;
  /** The name of its source, in the annotation kubernetes.io/config.source. */
  source: 'file' | 'http';
  /** The file's path, or the URL. */
  origin: string;
  /** Puts the node's name behind the pod's, so that in a cluster the pods of two nodes can be told apart. */
  namedByNode?: boolean;
  seenAt: Date;
}

/**
 * Gives a pod from a file or a URL what the API server would have given it. Its uid comes from its content, node and origin, so that it is the
 * same after a restart, and another one once the file says something else. A uid, a status or a creationTimestamp that the file has of its own, as
 * one written by `kubectl get -o yaml`, is that of another pod; nobody has created this one.
 */
export function staticPod(pod: Pod, origin: StaticPodOrigin): Pod {
  const kind = origin.source === 'file' ? 'file' : 'url';
  return identified(pod, fnv128a(JSON.stringify(pod), `host:${origin.nodeName}`, `${kind}:${origin.origin}`), origin);
}

/** What a pod of the node is called in a cluster, where other nodes may have one of its name. */
export function nodePodName(name: string, nodeName: string): string {
  return `${name}-${nodeName.toLowerCase()}`;
}

/** The same with a random uid: each reading is another pod. */
export function oneTimePod(pod: Pod, origin: StaticPodOrigin): Pod {
  return identified(pod, randomUUID(), origin);
}

function identified(pod: Pod, uid: string, { nodeName, source, namedByNode = false, seenAt }: StaticPodOrigin): Pod {
  const { metadata: { creationTimestamp: _created, ...metadata } = {}, spec, status: _status, ...rest } = pod;
  const seen = apiTime(seenAt);
  return {
    ...rest,
    metadata: {
      ...metadata,
      ...(namedByNode && { name: nodePodName(nameOf(pod), nodeName) }),
      namespace: namespaceOf(pod),
      uid,
      annotations: {
        ...metadata.annotations,
        'kubernetes.io/config.source': source,
        'kubernetes.io/config.seen': seen,
        'kubernetes.io/config.hash': uid,
      },
    },
    ...(spec && { spec: { ...withPriority(spec), nodeName, tolerations: withStaticToleration(spec.tolerations) } }),
  };
}

/** What admission by an API server would have made of the classes that need no API object. A priority that the file gives stays. */
function withPriority(spec: PodSpec): PodSpec {
  const priority = spec.priority ?? systemPriorityOf(spec.priorityClassName);
  return priority === undefined ? spec : { ...spec, priority };
}

/** A static pod tolerates what ends pods on its node, whatever the taint (kubelet's config/common.go). */
function withStaticToleration(own: readonly Toleration[] = []): Toleration[] {
  const isIt = ({ key, operator, value, effect }: Toleration) => !key && operator === 'Exists' && !value && effect === 'NoExecute';
  return [...own.filter((toleration) => !isIt(toleration)), { operator: 'Exists', effect: 'NoExecute' }];
}
