import type { Pod } from '@berth/api/objects';
import type { Refusal } from '../plan/observed-pod.ts';
import { fullNameOf, specOf } from '../pod.ts';
import type { AdmitHandler } from './admit-handler.ts';

/** A port of the host that a pod asks for. */
interface HostPort {
  hostPort: number;
  protocol: string;
  /** '' for every address of the host. */
  hostIP: string;
}

/**
 * The rule NodePorts, by which schedulers choose a node and kubelets admit a pod: no other pod has a port of the host that this one asks
 * for. Two ports are the same if number and protocol are, and an address of the host is both's.
 */
export const hostPorts: AdmitHandler = {
  admit: ({ pod, others }) => refuseTakenPorts(pod, others),
};

function refuseTakenPorts(pod: Pod, holders: readonly Pod[]): Refusal | undefined {
  const taken = holders.flatMap((holder) => portsOf(holder).map((port) => ({ port, holder })));
  for (const asked of portsOf(pod)) {
    const conflict = taken.find(({ port }) => isSame(port, asked));
    if (!conflict) continue;
    const port = `${asked.hostPort}/${asked.protocol}`;
    const message = `port ${port} of the host is taken by pod ${fullNameOf(conflict.holder)}; use another hostPort, or end that pod first`;
    return { reason: 'NodePorts', message };
  }
  return undefined;
}

/** Ports of init containers are mapped nowhere in Kubernetes. */
function portsOf(pod: Pod): HostPort[] {
  return specOf(pod).containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort = 0, protocol = 'TCP', hostIP = '' }) =>
      hostPort > 0 ? [{ hostPort, protocol, hostIP: ['0.0.0.0', '::'].includes(hostIP) ? '' : hostIP }] : [],
    ),
  );
}

function isSame(one: HostPort, other: HostPort): boolean {
  if (one.hostPort !== other.hostPort || one.protocol !== other.protocol) return false;
  return one.hostIP === '' || other.hostIP === '' || one.hostIP === other.hostIP;
}
