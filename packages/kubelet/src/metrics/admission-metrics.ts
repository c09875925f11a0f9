import { Counter, type Registry } from 'prom-client';

/** The reasons that kubelet counts by their own names (pkg/kubelet/allocation); of others there could be any number. */
const ownReasons = new Set([
  'AppArmor',
  'PodOSSelectorNodeLabelDoesNotMatch',
  'PodOSNotSupported',
  'InvalidNodeInfo',
  'InitContainerRestartPolicyForbidden',
  'SupplementalGroupsPolicyNotSupported',
  'UnexpectedAdmissionError',
  'UnknownReason',
  'UnexpectedPredicateFailureType',
  'OutOfcpu',
  'OutOfmemory',
  'OutOfephemeral-storage',
  'OutOfpods',
  'Evicted',
  'SysctlForbidden',
  'TopologyAffinityError',
  'NodeShutdown',
]);

/** Pods that the node didn't take, and those that had to go for others. */
export class AdmissionMetrics {
  readonly #rejections: Counter;
  readonly #preemptions: Counter;

  constructor(registry: Registry) {
    const counter = (name: string, help: string, label: string): Counter =>
      new Counter({ name, help, labelNames: [label], registers: [registry] });
    this.#rejections = counter('kubelet_admission_rejections_total', 'Pods that were not admitted, by reason.', 'reason');
    this.#preemptions = counter('kubelet_preemptions', 'Pods ended for a critical one, by what it lacked.', 'preemption_signal');
  }

  /** `reason` is that of the pod's status. */
  rejected(reason: string): void {
    const other = reason.startsWith('OutOf') ? 'OutOfExtendedResources' : 'Other';
    this.#rejections.inc({ reason: ownReasons.has(reason) ? reason : other });
  }

  /** `resource`: what the critical pod lacked first. */
  preempted(resource: string): void {
    this.#preemptions.inc({ preemption_signal: resource });
  }
}
