import { defaultPod } from '@berth/api/defaults';
import type { Container, Pod } from '@berth/api/objects';

/** What a container asks for: requests equal to limits, so that the pod is Guaranteed if all of its containers are written so. */
export interface Asks {
  cpu?: string;
  memory?: string;
  [resource: string]: string | undefined;
}

interface ResourcePod {
  containers: Record<string, Asks>;
  init?: Record<string, Asks>;
  /** Restartable init containers, which come after `init`. */
  sidecars?: Record<string, Asks>;
}

/** A pod whose containers have these resources; memory is 1Mi where nothing else is said. */
export function resourcePod(uid: string, { containers, init = {}, sidecars = {} }: ResourcePod): Pod {
  return defaultPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: uid, namespace: 'default', uid },
    spec: {
      containers: list(containers),
      initContainers: [...list(init), ...list(sidecars).map((sidecar) => ({ ...sidecar, restartPolicy: 'Always' as const }))],
    },
  });
}

function list(containers: Record<string, Asks>): Container[] {
  return Object.entries(containers).map(([name, asks]) => ({
    name,
    image: 'a:1',
    resources: { limits: { memory: '1Mi', ...asks } as Record<string, string> },
  }));
}
