import type { Pod, PriorityClass } from './objects.ts';
import { type FieldError, forbidden } from './validation/field-error.ts';

const systemPriorities: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

/** The priority of a class that every cluster has; undefined for any other. */
export function systemPriorityOf(name: string | undefined): number | undefined {
  return name === undefined ? undefined : systemPriorities[name];
}

/**
 * The pod as the API server's Priority admission leaves it: with the priority and the preemption policy of its class, or of the global
 * default; one that was admitted before keeps its own. Errors are values: a pod that names an unknown class, or contradicts it, is refused.
 */
export function admitPriorityClass(pod: Pod, classes: readonly PriorityClass[]): { pod: Pod; errors: FieldError[] } {
  const { spec } = pod;
  if (!spec) return { pod, errors: [] };
  const { priorityClassName: name, priority: own } = spec;
  const found = name ? classes.find(({ metadata }) => metadata?.name === name) : globalDefault(classes);
  const priority = found ? (found.value ?? 0) : name ? (systemPriorityOf(name) ?? own) : (own ?? 0);
  if (priority === undefined) return { pod, errors: [forbidden('spec.priorityClassName', `no PriorityClass with name ${name} was found`)] };
  if (own !== undefined && own !== priority) {
    const detail = `the integer value of priority (${own}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`;
    return { pod, errors: [forbidden('spec.priority', detail)] };
  }
  const preemptionPolicy = spec.preemptionPolicy ?? found?.preemptionPolicy ?? 'PreemptLowerPriority';
  return { pod: { ...pod, spec: { ...spec, priority, preemptionPolicy } }, errors: [] };
}

/** Of several the least. */
function globalDefault(classes: readonly PriorityClass[]): PriorityClass | undefined {
  const [least] = classes.filter((each) => each.globalDefault).toSorted((left, right) => (left.value ?? 0) - (right.value ?? 0));
  return least;
}
