import { createHash } from 'node:crypto';
import type { Pod } from '@berth/api/objects';
import type { PodSource, SourceUpdate } from '@berth/kubelet/pod-source';

/** Each pod of another source once for each handler: `web` becomes `web-runc` and `web-vm`, which differ in their runtime alone. */
export class HandlerSource implements PodSource {
  readonly name: string;
  readonly #source: PodSource;
  readonly #handlers: string[];

  constructor(source: PodSource, handlers: string[]) {
    this.name = source.name;
    this.#source = source;
    this.#handlers = handlers;
  }

  async *updates(signal: AbortSignal): AsyncIterable<SourceUpdate> {
    for await (const { pods, problems } of this.#source.updates(signal)) {
      yield { pods: pods.flatMap((pod) => this.#handlers.map((handler) => podOn(pod, handler))), problems };
    }
  }
}

/** The host name stays that of the pod, so that it isn't a difference. */
function podOn(pod: Pod, handler: string): Pod {
  const { name = '', uid = '' } = pod.metadata ?? {};
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      name: `${name}-${handler}`,
      uid: createHash('sha256').update(`${uid} ${handler}`).digest('hex').slice(0, 32),
    },
    ...(pod.spec && { spec: { ...pod.spec, hostname: pod.spec.hostname ?? name.slice(0, 63), runtimeClassName: handler } }),
  };
}

export function handlerOf(pod: Pod): string {
  return pod.spec?.runtimeClassName ?? '';
}

/** Namespace and name in the manifest, `default/web`. */
export function podInManifest(pod: Pod): string {
  const { namespace = 'default', name = '' } = pod.metadata ?? {};
  return `${namespace}/${name.slice(0, -1 - handlerOf(pod).length)}`;
}
