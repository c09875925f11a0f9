import type { Container, Node, Pod, PodSpec, ResourceRequirements } from './objects.ts';
import { Quantity } from './quantity.ts';

/** Whole amounts by resource name: cpu in millicores, bytes, pieces. A resource that is absent is zero. */
export type ResourceAmounts = ReadonlyMap<string, bigint>;

type ResourceList = NonNullable<ResourceRequirements['requests']>;

/** Amounts of a resource list, rounded up to whole millicores, bytes and pieces as kube-scheduler does. */
export function readAmounts(list: ResourceList | undefined): Map<string, bigint> {
  return new Map(
    Object.entries(list ?? {}).map(([name, written]) => {
      const quantity = Quantity.parse(written);
      return [name, name === 'cpu' ? quantity.milliValue() : quantity.value()];
    }),
  );
}

/** What a node has for pods: `status.allocatable`, which the API server defaults to the capacity. */
export function allocatableOf({ status }: Node): ResourceAmounts {
  return readAmounts(status?.allocatable ?? status?.capacity);
}

/**
 * What a pod requests of its node (Kubernetes `resource.PodRequests`): its containers and sidecars together, or the greatest init
 * container beside the sidecars before it, whichever is more; then the overhead. Requests of the pod as a whole replace those of its
 * containers. Expects a defaulted pod, in which limits without requests are requests too. A container that doesn't mention a
 * resource of `unset` counts as requesting that much of it.
 */
export function podRequests({ spec }: Pod, unset: ResourceAmounts = none): ResourceAmounts {
  if (!spec) return none;
  const total = podTotal(spec, (container) => containerRequests(container, unset));
  for (const [name, amount] of readAmounts(spec.resources?.requests)) total.set(name, amount);
  addTo(total, readAmounts(spec.overhead));
  return total;
}

/**
 * The limits of a pod (Kubernetes `resource.PodLimits`), added up as its requests are. A container without a limit adds nothing: whether
 * the sum bounds the pod is told by `limitsAll`. The overhead is added to what has a limit.
 */
export function podLimits({ spec }: Pod): ResourceAmounts {
  if (!spec) return none;
  const total = podTotal(spec, ({ resources }) => readAmounts(resources?.limits));
  for (const [name, amount] of readAmounts(spec.resources?.limits)) total.set(name, amount);
  for (const [name, amount] of readAmounts(spec.overhead)) {
    const limit = total.get(name) ?? 0n;
    if (limit > 0n) total.set(name, limit + amount);
  }
  return total;
}

/** Whether the pod as a whole has a limit of the resource, or each of its containers has; a limit of zero is none. */
export function limitsAll({ spec }: Pod, name: string): boolean {
  const isLimited = (resources: ResourceRequirements | undefined) => (readAmounts(resources?.limits).get(name) ?? 0n) > 0n;
  if (!spec) return false;
  return isLimited(spec.resources) || [...(spec.initContainers ?? []), ...spec.containers].every(({ resources }) => isLimited(resources));
}

const none: ResourceAmounts = new Map();

/** `total` with `amounts` added, in place. */
export function addTo(total: Map<string, bigint>, amounts: ResourceAmounts): void {
  for (const [name, amount] of amounts) total.set(name, (total.get(name) ?? 0n) + amount);
}

/** Of the containers and sidecars together, or of the greatest init container beside the sidecars before it, whichever is more. */
function podTotal(spec: PodSpec, amountsOf: (container: Container) => ResourceAmounts): Map<string, bigint> {
  return greatest(runningTotal(spec, amountsOf), startingTotal(spec, amountsOf));
}

function runningTotal(spec: PodSpec, amountsOf: (container: Container) => ResourceAmounts): ResourceAmounts {
  const total = new Map<string, bigint>();
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? []).filter(isSidecar)]) {
    addTo(total, amountsOf(container));
  }
  return total;
}

/** The most that is asked for while init containers run one after another, next to the sidecars already started. */
function startingTotal(spec: PodSpec, amountsOf: (container: Container) => ResourceAmounts): ResourceAmounts {
  const sidecars = new Map<string, bigint>();
  let most: Map<string, bigint> = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = amountsOf(container);
    if (isSidecar(container)) addTo(sidecars, own);
    const now = new Map(sidecars);
    if (!isSidecar(container)) addTo(now, own);
    most = greatest(most, now);
  }
  return most;
}

function containerRequests({ resources }: Container, unset: ResourceAmounts): ResourceAmounts {
  return new Map([...unset, ...readAmounts(resources?.requests)]);
}

/** An init container that goes on beside the others. */
function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always';
}

function greatest(left: ResourceAmounts, right: ResourceAmounts): Map<string, bigint> {
  const result = new Map(left);
  for (const [name, amount] of right) if (amount > (result.get(name) ?? 0n)) result.set(name, amount);
  return result;
}
