import type { Pod, PodStatus } from '@berth/api/objects';
import type { PodStartLatency } from '../metrics/pod-start-latency.ts';
import type { ClusterPods } from '../sources/cluster-pods.ts';
import type { ClusterReports } from './cluster-reports.ts';

export type StatusListener = (pod?: Pod) => void;

interface PodReportsOptions {
  /** Undefined: the node belongs to no cluster. */
  cluster: ClusterPods | undefined;
  reports: ClusterReports | undefined;
  starts: PodStartLatency;
  /** Every pod with spec and status. */
  pods(): Pod[];
}

/** Tells whoever is to know of the node's pods: the cluster, the metrics, and those who listen. */
export class PodReports {
  readonly #options: PodReportsOptions;
  readonly #listeners = new Set<StatusListener>();

  constructor(options: PodReportsOptions) {
    this.#options = options;
  }

  /**
   * Called with each pod whose status has changed or that has ended, and without one when a source has been read. The returned function
   * takes it back.
   */
  onStatus(listener: StatusListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A source has been read. */
  sourceRead(): void {
    this.#options.cluster?.show(this.#options.pods());
    for (const listener of this.#listeners) listener();
  }

  /** The pod's status has changed. */
  changed(pod: Pod, status: PodStatus): void {
    this.#options.reports?.status({ ...pod, status });
    this.#options.starts.told(pod, status);
    this.#tell({ ...pod, status });
  }

  /** The pod has ended and left nothing behind. */
  ended(pod: Pod): void {
    const { cluster, reports, starts } = this.#options;
    starts.forget(pod);
    cluster?.ended(pod);
    reports?.ended(pod);
    cluster?.show(this.#options.pods());
    this.#tell({ ...pod, status: undefined });
  }

  #tell(pod: Pod): void {
    for (const listener of this.#listeners) listener(pod);
  }
}
