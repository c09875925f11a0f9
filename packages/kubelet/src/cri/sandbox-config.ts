import type { Pod } from '@berth/api/objects';
import { type DNSConfig, LinuxPodSandboxConfig, PodSandboxConfig, PortMapping, Protocol } from '@berth/sdk/cri';
import { nameOf, namespaceOf, specOf, uidOf } from '../pod.ts';
import { dnsConfig } from './dns-config.ts';
import { sandboxAnnotations, sandboxLabels } from './labels.ts';
import { sandboxResources } from './resources.ts';
import { sandboxSecurityContext } from './security-context.ts';

/** What the node adds to a pod to make a sandbox of it. */
export interface SandboxSurroundings {
  kubeletRoot: string;
  /** Where localhost profiles of seccomp are. */
  seccompRoot: string;
  logDirectory: string;
  /** Empty: the runtime chooses. */
  cgroupParent: string;
  /** The host's own resolv.conf. */
  hostDns: DNSConfig;
}

/** The longest host name that Linux has. */
const hostnameLimit = 63;

/** The CRI message for a pod's sandbox; nothing is looked up or made. */
export function sandboxConfig(pod: Pod, attempt: number, surroundings: SandboxSurroundings): PodSandboxConfig {
  const spec = specOf(pod);
  return PodSandboxConfig.create({
    metadata: { name: nameOf(pod), namespace: namespaceOf(pod), uid: uidOf(pod), attempt },
    hostname: spec.hostNetwork ? '' : hostnameOf(pod),
    logDirectory: surroundings.logDirectory,
    dnsConfig: dnsConfig(pod, surroundings.hostDns),
    portMappings: portMappings(pod),
    labels: sandboxLabels(pod),
    annotations: sandboxAnnotations(pod, surroundings.kubeletRoot),
    linux: LinuxPodSandboxConfig.create({
      cgroupParent: surroundings.cgroupParent,
      securityContext: sandboxSecurityContext(pod, surroundings.seccompRoot),
      sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
      resources: sandboxResources(pod),
    }),
  });
}

/** The pod's own host name, or its name cut to what a host name may be. */
function hostnameOf(pod: Pod): string {
  return (specOf(pod).hostname || nameOf(pod)).slice(0, hostnameLimit).replace(/[-.]+$/, '');
}

function portMappings(pod: Pod): PortMapping[] {
  const protocols: Record<string, Protocol> = { TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP };
  return specOf(pod).containers.flatMap(({ ports = [] }) =>
    ports.map(({ protocol = 'TCP', containerPort, hostPort = 0, hostIP = '' }) =>
      PortMapping.create({ protocol: protocols[protocol] ?? Protocol.TCP, containerPort, hostPort, hostIp: hostIP }),
    ),
  );
}
