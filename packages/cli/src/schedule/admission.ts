import { defaultPod } from '@berth/api/defaults';
import type { FieldError } from '@berth/api/field-error';
import type { Node, Pod, PriorityClass, RuntimeClass } from '@berth/api/objects';
import { admitPriorityClass } from '@berth/api/priority-class';
import { admitRuntimeClass } from '@berth/api/runtime-class';
import { validateNode, validatePod } from '@berth/api/validation';

/** An object as the API server would keep it, and why it wouldn't. */
export interface Admission<Kind> {
  object: Kind;
  errors: FieldError[];
}

/** What pods may name. */
export interface Classes {
  runtime: RuntimeClass[];
  priority: PriorityClass[];
}

/** What a kubelet tells of its node if nobody says otherwise. */
const defaultMaxPods = '110';
const hostnameLabel = 'kubernetes.io/hostname';

/** A node with what its kubelet would have added: the label of its name, and how many pods it takes. */
export function admitNode(node: Node): Admission<Node> {
  const errors = validateNode(node);
  if (errors.length > 0) return { object: node, errors };
  const { metadata, status } = node;
  const labels = { [hostnameLabel]: metadata?.name ?? '', ...metadata?.labels };
  const allocatable = { pods: defaultMaxPods, ...(status?.allocatable ?? status?.capacity) };
  return { object: { ...node, metadata: { ...metadata, labels }, status: { ...status, allocatable } }, errors };
}

/** A pod with its defaults, and with what its RuntimeClass and PriorityClass add. A RuntimeClass that isn't there adds nothing. */
export function admitPod(pod: Pod, { runtime, priority }: Classes): Admission<Pod> {
  const namespaced = { ...pod, metadata: { ...pod.metadata, namespace: pod.metadata?.namespace || 'default' } };
  const errors = validatePod(namespaced);
  if (errors.length > 0) return { object: pod, errors };
  const runtimeClass = runtime.find(({ metadata }) => metadata?.name === pod.spec?.runtimeClassName);
  const ofRuntime = runtimeClass ? admitRuntimeClass(namespaced, runtimeClass) : { pod: namespaced, errors: [] };
  const ofPriority = admitPriorityClass(ofRuntime.pod, priority);
  return { object: defaultPod(ofPriority.pod), errors: [...ofRuntime.errors, ...ofPriority.errors] };
}
