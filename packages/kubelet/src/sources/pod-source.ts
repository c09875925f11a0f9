import type { Pod } from '@berth/api/objects';

/** Everything that a source has at one moment. */
export interface SourceUpdate {
  /** Defaulted, validated, with name, namespace and uid; a pod that is missing is to end. */
  pods: Pod[];
  /** What couldn't be made a pod, a message each: `a.yaml:12: spec.containers[0].imagee: Unknown field`. */
  problems: string[];
  /** The source couldn't be read even once so far: it tells its problems, and has no pods that could be missing. */
  unread?: true;
}

/**
 * Where pods come from: a directory of manifests, a URL, an API server. The first update comes as soon as the source has been read
 * once, also if it is empty: until every source has spoken, no pod is taken for left over. Ends when `signal` aborts; doesn't throw.
 */
export interface PodSource {
  /** `file`, `http`, `api`, as in the annotation kubernetes.io/config.source. */
  readonly name: string;
  updates(signal: AbortSignal): AsyncIterable<SourceUpdate>;
}
