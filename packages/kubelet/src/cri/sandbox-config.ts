import type { Pod } from '@berth/api/objects';
import { type DNSConfig, LinuxPodSandboxConfig, PodSandboxConfig, PortMapping, Protocol, type UserNamespace } from '@berth/sdk/cri';
import { dotted } from '../admission/sysctls.ts';
import { nameOf, namespaceOf, specOf, uidOf } from '../pod.ts';
import { sandboxAnnotations, sandboxLabels } from './labels.ts';
import { sandboxOverhead, sandboxResources } from './sandbox-resources.ts';
import { sandboxSecurityContext } from './security-context.ts';

/** What the node adds to a pod to make a sandbox of it. */
export interface SandboxSurroundings {
  kubeletRoot: string;
  logDirectory: string;
  /** Empty: the runtime chooses. */
  cgroupParent: string;
  /** Undefined for a pod that has the host's users. */
  userNamespace: UserNamespace | undefined;
  /** Empty in the host's network. */
  hostname: string;
  /** What its resolv.conf says. */
  resolver: DNSConfig;
}

/** The CRI message for a pod's sandbox; nothing is looked up or made. */
export function sandboxConfig(pod: Pod, attempt: number, surroundings: SandboxSurroundings): PodSandboxConfig {
  const spec = specOf(pod);
  return PodSandboxConfig.create({
    metadata: { name: nameOf(pod), namespace: namespaceOf(pod), uid: uidOf(pod), attempt },
    hostname: surroundings.hostname,
    logDirectory: surroundings.logDirectory,
    dnsConfig: surroundings.resolver,
    portMappings: portMappings(pod),
    labels: sandboxLabels(pod),
    annotations: sandboxAnnotations(pod, surroundings.kubeletRoot),
    linux: LinuxPodSandboxConfig.create({
      cgroupParent: surroundings.cgroupParent,
      securityContext: sandboxSecurityContext(pod, surroundings.userNamespace),
      sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map(({ name, value }) => [dotted(name), value])),
      overhead: sandboxOverhead(pod),
      resources: sandboxResources(pod),
    }),
  });
}

function portMappings(pod: Pod): PortMapping[] {
  const protocols: Record<string, Protocol> = { TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP };
  return specOf(pod).containers.flatMap(({ ports = [] }) =>
    ports.map(({ protocol = 'TCP', containerPort, hostPort = 0, hostIP = '' }) =>
      PortMapping.create({ protocol: protocols[protocol] ?? Protocol.TCP, containerPort, hostPort, hostIp: hostIP }),
    ),
  );
}
