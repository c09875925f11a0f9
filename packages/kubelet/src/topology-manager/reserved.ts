import type { NodeResources } from '../machine/node-resources.ts';
import { evictionAmounts } from '../machine/reservations.ts';

/** What the managers keep from pods. */
export interface Reserved {
  /** kubeReserved and systemReserved, in millicores. */
  cpu: bigint;
  /** kubeReserved, systemReserved and evictionHard, in bytes. */
  memory: bigint;
}

/** What is reserved for system and kubelet, and the memory that has to stay free, lest pods be evicted. INVALID_ARGUMENT for what is no threshold. */
export function reservedOf(resources: NodeResources, evictionHard: Readonly<Record<string, string>>): Reserved {
  const sum = (name: string) =>
    (resources.reserved('systemReserved').get(name) ?? 0n) + (resources.reserved('kubeReserved').get(name) ?? 0n);
  const keptFree = evictionAmounts({ systemReserved: {}, kubeReserved: {}, evictionHard }, resources.capacity()).get('memory') ?? 0n;
  return { cpu: sum('cpu'), memory: sum('memory') + keptFree };
}
