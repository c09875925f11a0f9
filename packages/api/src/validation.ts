import { conformObject } from './field-table.ts';
import { checkDnsLabel } from './names.ts';
import type { Pod, RuntimeClass } from './objects.ts';
import { type FieldError, invalidFor, required } from './validation/field-error.ts';
import { validateLabels, validateMetadata } from './validation/metadata.ts';
import { validatePodSpec } from './validation/pod-spec.ts';
import { validateResourceList } from './validation/resources.ts';
import { validateTolerations } from './validation/tolerations.ts';

/**
 * What the API server would find wrong with a new pod; none means that it is valid. Fields that have a default may be absent.
 * Never throws, whatever the value: one that hasn't the shape of a Pod gets the errors of its shape alone.
 */
export function validatePod(pod: Pod): FieldError[] {
  return validateShaped<Pod>(pod, 'v1', 'Pod', ({ metadata, spec }) => [
    ...validateMetadata(metadata, 'metadata'),
    ...(spec ? validatePodSpec(spec, 'spec') : [required('spec')]),
  ]);
}

/** What the API server would find wrong with a new RuntimeClass. Never throws. */
export function validateRuntimeClass(runtimeClass: RuntimeClass): FieldError[] {
  return validateShaped<RuntimeClass>(runtimeClass, 'node.k8s.io/v1', 'RuntimeClass', ({ metadata, handler, overhead, scheduling }) => [
    ...validateMetadata(metadata, 'metadata'),
    ...(handler ? invalidFor('handler', handler, checkDnsLabel(handler)) : [required('handler')]),
    ...validateResourceList(overhead?.podFixed ?? {}, 'overhead.podFixed'),
    ...validateLabels(scheduling?.nodeSelector, 'scheduling.nodeSelector'),
    ...validateTolerations(scheduling?.tolerations, 'scheduling.tolerations'),
  ]);
}

/** The rules of a kind read fields freely, so the shape comes first. */
function validateShaped<T>(object: T, apiVersion: string, kind: string, rules: (shaped: T) => FieldError[]): FieldError[] {
  const { value, errors } = conformObject(object, apiVersion, kind);
  return errors.length > 0 ? errors : rules(value as T);
}
