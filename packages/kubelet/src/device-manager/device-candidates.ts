import type { Container, Pod } from '@berth/api/objects';
import { resourceContainers, uidOf } from '../pod.ts';
import { endsBeforeOthers } from '../pod-demand.ts';
import type { NumaMask } from '../topology-manager/numa-mask.ts';
import type { DeviceCandidates } from './choose-devices.ts';
import type { DeviceHoldings } from './device-holdings.ts';

interface DeviceNeed {
  resource: string;
  count: number;
  affinity: NumaMask | undefined;
}

/**
 * What a container's devices of a resource may be chosen from: what is nobody's, what is set apart for itself, and what init containers before it had
 * and no container that goes on has.
 */
export function candidatesFor(
  holdings: DeviceHoldings,
  pod: Pod,
  container: Container,
  { resource, count, affinity }: DeviceNeed,
): DeviceCandidates {
  const idsOf = (other: Container) => holdings.get({ uid: uidOf(pod), container: other.name, resource })?.ids ?? [];
  const kept = keptByOthers(holdings, pod, container, resource);
  const own = idsOf(container).filter((id) => !kept.has(id));
  const handedDown = before(pod, container)
    .filter((other) => endsBeforeOthers(pod, other))
    .flatMap(idsOf);
  const devices = holdings.devicesOf(resource) ?? new Map();
  const ownHealthy = own.filter((id) => devices.get(id)?.healthy);
  return {
    devices,
    count,
    affinity,
    available: [...new Set([...ownHealthy, ...holdings.available(resource)])],
    reusable: [...new Set(handedDown)].filter((id) => !kept.has(id)),
  };
}

/** What containers of the pod have that run beside this one: those before it, and those whose plugin has answered. */
export function keptByOthers(holdings: DeviceHoldings, pod: Pod, container: Container, resource: string): ReadonlySet<string> {
  const earlier = new Set(before(pod, container));
  const beside = resourceContainers(pod).filter((other) => other.name !== container.name && !endsBeforeOthers(pod, other));
  return new Set(
    beside.flatMap((other) => {
      const held = holdings.get({ uid: uidOf(pod), container: other.name, resource });
      return held && (earlier.has(other) || held.answer) ? held.ids : [];
    }),
  );
}

function before(pod: Pod, container: Container): Container[] {
  const all = resourceContainers(pod);
  const place = all.findIndex(({ name }) => name === container.name);
  return all.slice(0, place);
}
