import { defaultPod } from '@berth/api/defaults';
import type { Pod } from '@berth/api/objects';
import type { ClusterApi } from '../api/cluster-api.ts';
import { apiTime } from '../pod.ts';
import type { PodSource, SourceUpdate } from './pod-source.ts';

export const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** Whether the API's pod only shows a static one. */
export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata?.annotations?.[mirrorAnnotation] !== undefined;
}

/** The pods that the cluster has bound to the node. Its mirror pods aren't run: they are handed to `onMirrors`. */
export class ApiSource implements PodSource {
  readonly name = 'api';
  readonly #api: ClusterApi;
  readonly #nodeName: string;
  readonly #onMirrors: (mirrors: Pod[]) => void;
  /** When each pod was seen first, by uid. */
  #seen = new Map<string, string>();

  constructor(api: ClusterApi, nodeName: string, onMirrors: (mirrors: Pod[]) => void) {
    this.#api = api;
    this.#nodeName = nodeName;
    this.#onMirrors = onMirrors;
  }

  async *updates(signal: AbortSignal): AsyncGenerator<SourceUpdate, void> {
    for await (const all of this.#api.pods(this.#nodeName, signal)) {
      this.#onMirrors(all.filter(isMirrorPod));
      const pods = all.filter((pod) => !isMirrorPod(pod));
      this.#remember(pods);
      yield { pods: pods.map((pod) => this.#annotated(pod)), problems: [] };
    }
  }

  #remember(pods: Pod[]): void {
    const now = apiTime(new Date());
    this.#seen = new Map(pods.map(({ metadata }) => [metadata?.uid ?? '', this.#seen.get(metadata?.uid ?? '') ?? now]));
  }

  #annotated(pod: Pod): Pod {
    const seen = this.#seen.get(pod.metadata?.uid ?? '') ?? '';
    const annotations = {
      ...pod.metadata?.annotations,
      'kubernetes.io/config.source': 'api',
      'kubernetes.io/config.seen': seen,
    };
    return defaultPod({ ...pod, metadata: { ...pod.metadata, annotations } });
  }
}
