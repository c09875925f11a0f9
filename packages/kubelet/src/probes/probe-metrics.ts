import { Counter, Histogram, type Registry } from 'prom-client';

/** Which probe of which container a figure is about. */
export interface ProbeLabels {
  probe_type: string;
  container: string;
  pod: string;
  namespace: string;
  pod_uid: string;
}

/** kubelet's figures of probes, by its names: `prober_probe_total` and `prober_probe_duration_seconds`. */
export class ProbeMetrics {
  readonly #total: Counter;
  readonly #duration: Histogram;

  /** Each registry takes these once. */
  constructor(registry: Registry) {
    this.#total = new Counter({
      name: 'prober_probe_total',
      help: 'Runs of liveness, readiness and startup probes of containers, by result.',
      labelNames: ['probe_type', 'result', 'container', 'pod', 'namespace', 'pod_uid'],
      registers: [registry],
    });
    this.#duration = new Histogram({
      name: 'prober_probe_duration_seconds',
      help: 'How long successful runs of probes took, in seconds.',
      labelNames: ['probe_type', 'container', 'pod', 'namespace'],
      registers: [registry],
    });
  }

  count(labels: ProbeLabels, result: 'successful' | 'failed', seconds: number): void {
    this.#total.inc({ ...labels, result });
    const { pod_uid: _uid, ...duration } = labels;
    if (result === 'successful') this.#duration.observe(duration, seconds);
  }

  /** For a container that is probed no more. */
  forget(labels: ProbeLabels): void {
    for (const result of ['successful', 'failed']) this.#total.remove({ ...labels, result });
    const { pod_uid: _uid, ...duration } = labels;
    this.#duration.remove(duration);
  }
}
