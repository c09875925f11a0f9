import { conformObject } from './field-table.ts';
import { checkDnsLabel } from './names.ts';
import type { ConfigMap, Node, Pod, RuntimeClass, Secret, ServiceAccount } from './objects.ts';
import { validateConfigMapData, validateImmutable, validateSecretData } from './validation/config-objects.ts';
import { type FieldError, invalidFor, required } from './validation/field-error.ts';
import { validateLabels, validateMetadata } from './validation/metadata.ts';
import { validateNodeAmounts, validateTaints } from './validation/node.ts';
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

/** What the API server would find wrong with a new Node, in what placement reads of it: names, labels, taints, amounts. Never throws. */
export function validateNode(node: Node): FieldError[] {
  return validateShaped<Node>(node, 'v1', 'Node', ({ metadata, spec, status }) => [
    ...validateMetadata(metadata, 'metadata'),
    ...validateTaints(spec?.taints, 'spec.taints'),
    ...validateNodeAmounts(status?.capacity, 'status.capacity'),
    ...validateNodeAmounts(status?.allocatable, 'status.allocatable'),
  ]);
}

/** What the API server would find wrong with a new ConfigMap, or with one in place of `before`. Never throws. */
export function validateConfigMap(configMap: ConfigMap, before?: ConfigMap): FieldError[] {
  return validateShaped<ConfigMap>(configMap, 'v1', 'ConfigMap', (shaped) => [
    ...validateMetadata(shaped.metadata, 'metadata'),
    ...validateConfigMapData(shaped),
    ...(before ? validateImmutable(before, shaped) : []),
  ]);
}

/** What the API server would find wrong with a new Secret, or with one in place of `before`; values are in no message. Never throws. */
export function validateSecret(secret: Secret, before?: Secret): FieldError[] {
  return validateShaped<Secret>(secret, 'v1', 'Secret', (shaped) => [
    ...validateMetadata(shaped.metadata, 'metadata'),
    ...validateSecretData(shaped),
    ...(before ? validateImmutable(before, shaped) : []),
  ]);
}

/** What the API server would find wrong with a new ServiceAccount. Never throws. */
export function validateServiceAccount(account: ServiceAccount): FieldError[] {
  return validateShaped<ServiceAccount>(account, 'v1', 'ServiceAccount', ({ metadata }) => validateMetadata(metadata, 'metadata'));
}

/** The rules of a kind read fields freely, so the shape comes first. */
function validateShaped<T>(object: T, apiVersion: string, kind: string, rules: (shaped: T) => FieldError[]): FieldError[] {
  const { value, errors } = conformObject(object, apiVersion, kind);
  return errors.length > 0 ? errors : rules(value as T);
}
