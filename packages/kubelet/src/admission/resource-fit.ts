import type { Pod } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { Eviction } from '../plan/observed-pod.ts';
import { gracePeriodOf } from '../pod.ts';
import type { AdmitHandler, AdmitRequest } from './admit-handler.ts';
import { isCriticalPod } from './critical-pod.ts';
import { type Insufficient, insufficientResources } from './insufficient-resources.ts';
import { preemptionVictims } from './preemption.ts';

interface ResourceFitOptions {
  /** What pods may request. */
  allocatable(): ResourceAmounts;
  /** Whether a resource may come yet: a pod that asks for it waits. */
  isAwaited(resource: string): boolean;
  /** Ends a pod to make room for another. */
  evict(pod: Pod, eviction: Eviction): void;
  metrics: Pick<KubeletMetrics, 'admission'>;
}

/**
 * The rule by which a pod has to fit among those that are there, by their requests. A critical one may end others of less worth; it
 * begins at once, while they end. Asked last, since nothing may be ended for a pod that another rule refuses.
 */
export class ResourceFit implements AdmitHandler {
  readonly #options: ResourceFitOptions;
  /** On their way out: kubelet waits for their end, and what they had is promised already. */
  readonly #evicted = new WeakSet<Pod>();

  constructor(options: ResourceFitOptions) {
    this.#options = options;
  }

  admit({ pod, others }: AdmitRequest): ReturnType<AdmitHandler['admit']> {
    const staying = others.filter((other) => !this.#evicted.has(other));
    const { allocatable, isAwaited } = this.#options;
    const missing = insufficientResources(pod, staying, allocatable()).filter(({ resource }) => !isAwaited(resource));
    const [first] = missing;
    if (!first) return undefined;
    const victims = isCriticalPod(pod) ? preemptionVictims(pod, staying, missing) : undefined;
    if (!victims) return refusalOf(first);
    for (const victim of victims) {
      this.#evicted.add(victim);
      this.#options.evict(victim, preempting(victim));
      this.#options.metrics.admission.preempted(first.resource);
    }
    return undefined;
  }
}

function refusalOf({ resource, requested, used, capacity }: Insufficient): ReturnType<AdmitHandler['admit']> {
  return {
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
}

function preempting(victim: Pod): Eviction {
  return {
    reason: 'Preempting',
    message: 'Preempted in order to admit critical pod',
    gracePeriodSeconds: gracePeriodOf(victim),
    disruption: 'Pod was preempted by Kubelet to accommodate a critical pod.',
  };
}
