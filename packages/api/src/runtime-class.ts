import type { Pod, PodSpec, RuntimeClass, Toleration } from './objects.ts';
import { type FieldError, forbidden } from './validation/field-error.ts';

/**
 * The pod as the API server's RuntimeClass admission leaves it: with the overhead of its class, the class's node selector merged
 * into its own, and the class's tolerations after its own. Errors are values: a pod that contradicts its class is refused.
 */
export function admitRuntimeClass(pod: Pod, { overhead, scheduling }: RuntimeClass): { pod: Pod; errors: FieldError[] } {
  const { spec } = pod;
  if (!spec) return { pod, errors: [] };
  const errors = [...overheadErrors(spec.overhead, overhead?.podFixed), ...selectorErrors(spec.nodeSelector, scheduling?.nodeSelector)];
  const nodeSelector = { ...spec.nodeSelector, ...scheduling?.nodeSelector };
  const tolerations = mergeTolerations(spec.tolerations, scheduling?.tolerations);
  const merged: PodSpec = {
    ...spec,
    ...(overhead?.podFixed && { overhead: overhead.podFixed }),
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...(tolerations.length > 0 && { tolerations }),
  };
  return { pod: { ...pod, spec: merged }, errors };
}

function overheadErrors(own: PodSpec['overhead'], ofClass: PodSpec['overhead']): FieldError[] {
  if (!own || Object.keys(own).length === 0 || JSON.stringify(sorted(own)) === JSON.stringify(sorted(ofClass ?? {}))) return [];
  return [forbidden('spec.overhead', "Pod's Overhead doesn't match RuntimeClass's defined Overhead")];
}

function sorted(record: object): [string, string][] {
  return Object.entries(record)
    .map(([key, value]): [string, string] => [key, String(value)])
    .sort(([left], [right]) => (left < right ? -1 : 1));
}

function selectorErrors(own: Record<string, string> = {}, ofClass: Record<string, string> = {}): FieldError[] {
  return Object.entries(ofClass)
    .filter(([key, value]) => Object.hasOwn(own, key) && own[key] !== value)
    .map(([key, value]) =>
      forbidden(
        `spec.nodeSelector[${key}]`,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own[key]}`,
      ),
    );
}

function mergeTolerations(own: Toleration[] = [], ofClass: Toleration[] = []): Toleration[] {
  const seen = new Set<string>();
  return [...own, ...ofClass].filter((toleration) => {
    const text = JSON.stringify(sorted(toleration));
    return !seen.has(text) && seen.add(text);
  });
}
