import type { PreferenceRequest } from '@berth/sdk/device';
import type { GpuLinks } from '../discovery/gpu-links.ts';
import type { Resource } from '../resources/resources.ts';
import { chooseLinked } from './linked.ts';
import { chooseShared, type SharingPolicy } from './shared.ts';

/** Which devices of a resource had better be taken together: whole GPUs by their links, parts of GPUs by the policy. */
export function prefer({ devices, shared }: Resource, request: PreferenceRequest, links: GpuLinks, policy: SharingPolicy): string[] {
  const units = new Map(devices.map(({ id, unit }) => [id, unit]));
  const parts = shared || devices.some(({ unit }) => unit.mig !== undefined);
  if (parts) return chooseShared(request, new Map([...units].map(([id, unit]) => [id, shared ? unit.id : unit.gpu.id])), policy);
  return chooseLinked(
    request,
    (id) => units.get(id)?.gpu.numaNode,
    (first, second) => links.score(first, second),
  );
}
