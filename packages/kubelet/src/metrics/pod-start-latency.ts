import type { Pod, PodStatus } from '@berth/api/objects';
import type { Clock } from '../clock.ts';
import { specOf, uidOf } from '../pod.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';

/** From when the kubelet sees a pod until all of its containers run. */
export class PodStartLatency {
  readonly #metrics: Pick<KubeletMetrics, 'podStartDuration' | 'podStartSliDuration'>;
  readonly #clock: Clock;
  /** Seconds that pulls of a pod's images have taken. */
  readonly #pulling: (pod: Pod) => number;
  /** Pods that haven't run yet, by uid. */
  readonly #seen = new Map<string, number>();

  constructor(metrics: KubeletMetrics, clock: Clock, pulling: (pod: Pod) => number) {
    this.#metrics = metrics;
    this.#clock = clock;
    this.#pulling = pulling;
  }

  seen(pod: Pod): void {
    this.#seen.set(uidOf(pod), this.#clock.now().getTime());
  }

  /** A pod that ran before it was seen, under another kubelet, isn't counted. */
  told(pod: Pod, status: PodStatus | undefined): void {
    const seenAt = this.#seen.get(uidOf(pod));
    const statuses = status?.containerStatuses ?? [];
    if (seenAt === undefined || statuses.length < specOf(pod).containers.length || !statuses.every(({ state }) => state?.running)) return;
    this.#seen.delete(uidOf(pod));
    const started = statuses.map(({ state }) => Date.parse(String(state?.running?.startedAt)));
    // The API tells whole seconds.
    if (Math.max(...started) + 1000 < seenAt) return;
    const seconds = (this.#clock.now().getTime() - seenAt) / 1000;
    this.#metrics.podStartDuration.observe(seconds);
    this.#metrics.podStartSliDuration.observe(Math.max(0, seconds - this.#pulling(pod)));
  }

  forget(pod: Pod): void {
    this.#seen.delete(uidOf(pod));
  }
}
