import { createHash, randomUUID } from 'node:crypto';
import type { Pod } from '@berth/api/objects';
import { apiTime, namespaceOf } from '../pod.ts';

/**
 * Gives a pod from a file what the API server would have given it. Its uid comes from its content, node and origin, so that it is the
 * same after a restart, and another one once the file says something else. A uid or a status that the file has of its own, as one written
 * by `kubectl get -o yaml`, is that of another pod.
 */
export function staticPod(pod: Pod, nodeName: string, origin: string, seenAt: Date): Pod {
  return identified(pod, contentUid(pod, nodeName, origin), nodeName, seenAt);
}

/** The same with a random uid: each reading is another pod. */
export function oneTimePod(pod: Pod, nodeName: string, seenAt: Date): Pod {
  return identified(pod, randomUUID(), nodeName, seenAt);
}

function contentUid(pod: Pod, nodeName: string, origin: string): string {
  const hash = createHash('sha256').update(JSON.stringify([pod, nodeName, `file:${origin}`]));
  return hash.digest('hex').slice(0, 32);
}

function identified(pod: Pod, uid: string, nodeName: string, seenAt: Date): Pod {
  const { metadata = {}, spec, status: _status, ...rest } = pod;
  const seen = apiTime(seenAt);
  return {
    ...rest,
    metadata: {
      ...metadata,
      namespace: namespaceOf(pod),
      uid,
      creationTimestamp: seen,
      annotations: {
        ...metadata.annotations,
        'kubernetes.io/config.source': 'file',
        'kubernetes.io/config.seen': seen,
        'kubernetes.io/config.hash': uid,
      },
    },
    ...(spec && { spec: { ...spec, nodeName } }),
  };
}
