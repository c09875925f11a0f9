import type { Container, Pod, ResourceFieldSelector } from '@berth/api/objects';
import { Quantity } from '@berth/api/quantity';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { PluginError } from '@berth/sdk/errors';
import { allContainers, nameOf, namespaceOf, specOf, uidOf } from './pod.ts';

/** What the node knows of a pod besides its object; all lists are in the order of preference and may be empty. */
interface PodSurroundings {
  hostIPs: readonly string[];
  /** Those of the host where the pod has none of its own (hostNetwork). */
  podIPs: readonly string[];
}

/**
 * What a fieldRef stands for, in the environment and in files: `metadata.name`, `metadata.labels['app']`, `status.podIP`. A label or
 * annotation that isn't there is empty, as is an address that isn't known. Whole maps are `key="value"` a line, sorted by key.
 * Throws INVALID_ARGUMENT for a path that validation would have refused.
 */
export function fieldValue(pod: Pod, fieldPath: string, { hostIPs, podIPs }: PodSurroundings): string {
  const [, map, key] = /^metadata\.(labels|annotations)(?:\['(.+)'\])?$/.exec(fieldPath) ?? [];
  if (map) {
    const entries = (map === 'labels' ? pod.metadata?.labels : pod.metadata?.annotations) ?? {};
    if (key === undefined) return formatMap(entries);
    return Object.hasOwn(entries, key) ? (entries[key] ?? '') : '';
  }
  switch (fieldPath) {
    case 'metadata.name':
      return nameOf(pod);
    case 'metadata.namespace':
      return namespaceOf(pod);
    case 'metadata.uid':
      return uidOf(pod);
    case 'spec.nodeName':
      return specOf(pod).nodeName ?? '';
    case 'spec.serviceAccountName':
      return serviceAccountOf(pod);
    case 'status.hostIP':
      return hostIPs[0] ?? '';
    case 'status.hostIPs':
      return hostIPs.join(',');
    case 'status.podIP':
      return podIPs[0] ?? '';
    case 'status.podIPs':
      return podIPs.join(',');
    default:
      throw new PluginError('INVALID_ARGUMENT', `unsupported fieldPath: ${fieldPath}`);
  }
}

/** The name of the pod's service account; `default` if it says none, as the API server would fill in. */
export function serviceAccountOf(pod: Pod): string {
  return specOf(pod).serviceAccountName || specOf(pod).serviceAccount || 'default';
}

/**
 * What a resourceFieldRef stands for: the request or limit of a container, in units of the divisor, rounded up. A limit that isn't set
 * is what the whole pod may use, else what the node has for pods. `own` is the container that asks; a volume has none and names one.
 * Throws NOT_FOUND for a container that the pod hasn't.
 */
export function resourceFieldValue(
  pod: Pod,
  { resource, containerName, divisor }: ResourceFieldSelector,
  allocatable: ResourceAmounts,
  own?: Container,
): string {
  const container = containerName ? allContainers(pod).find(({ name }) => name === containerName) : own;
  if (!container) throw new PluginError('NOT_FOUND', `container ${containerName ?? ''} not found`, { object: `resource ${resource}` });
  const [, kind, name] = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(resource) ?? [];
  if (!name) throw new PluginError('INVALID_ARGUMENT', `unsupported container resource: ${resource}`);
  const amount = kind === 'limits' ? limitOf(pod, container, name, allocatable) : requestOf(container, name);
  return String(divideUp(amount, unitsOf(name, nonZero(divisor))));
}

/** Resources of which a container without a limit may use whatever there is. */
const unlimited = new Set(['cpu', 'memory', 'ephemeral-storage']);

function limitOf(pod: Pod, { resources }: Container, name: string, allocatable: ResourceAmounts): bigint {
  const limit = unitsOf(name, resources?.limits?.[name]);
  if (limit > 0n || !unlimited.has(name)) return limit;
  const ofPod = specOf(pod).resources?.limits?.[name];
  const ofNode = allocatable.get(name) ?? 0n;
  return ofPod !== undefined && unitsOf(name, ofPod) < ofNode ? unitsOf(name, ofPod) : ofNode;
}

function requestOf({ resources }: Container, name: string): bigint {
  return unitsOf(name, resources?.requests?.[name] ?? resources?.limits?.[name]);
}

type Amount = string | number | undefined;

/** Millicores of cpu, whole units of anything else. */
function unitsOf(name: string, amount: Amount): bigint {
  if (amount === undefined) return 0n;
  const quantity = Quantity.parse(amount);
  return name === 'cpu' ? quantity.milliValue() : quantity.value();
}

function nonZero(divisor: Amount): Amount {
  return divisor === undefined || Quantity.parse(divisor).isZero() ? '1' : divisor;
}

function divideUp(amount: bigint, divisor: bigint): bigint {
  return (amount + divisor - 1n) / divisor;
}

function formatMap(map: Record<string, string>): string {
  return Object.keys(map)
    .toSorted()
    .map((key) => `${key}=${quote(map[key] ?? '')}`)
    .join('\n');
}

const named: Record<string, string> = { '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v' };

/** A text in double quotes, with what can't be printed escaped the way that programs reading such files know (Go's %q). */
function quote(text: string): string {
  const escaped = text.replace(/["\\]/g, '\\$&').replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u00a0]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return (
      named[character] ??
      (code < 0x80 ? `\\x${hex.padStart(2, '0')}` : code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`)
    );
  });
  return `"${escaped}"`;
}
