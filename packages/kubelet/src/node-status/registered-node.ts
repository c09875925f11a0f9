import type { Node } from '@berth/api/objects';
import type { MachineFacts } from '../machine/machine-facts.ts';
import type { NodeStatusOptions } from './node-status-options.ts';

/** A node as it registers itself, without a status. */
export function registeredNode(nodeName: string, machine: MachineFacts, options: NodeStatusOptions): Node {
  const { operatingSystem, architecture } = machine;
  const { nodeLabels, registerWithTaints, providerID } = options;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: nodeName,
      labels: {
        'kubernetes.io/hostname': nodeName,
        'kubernetes.io/os': operatingSystem,
        'kubernetes.io/arch': architecture,
        'beta.kubernetes.io/os': operatingSystem,
        'beta.kubernetes.io/arch': architecture,
        ...nodeLabels,
      },
    },
    spec: {
      ...(registerWithTaints.length > 0 && { taints: registerWithTaints }),
      ...(providerID && { providerID }),
    },
  };
}
