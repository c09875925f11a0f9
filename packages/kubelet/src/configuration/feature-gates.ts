/**
 * The feature gates of kubelet that this node knows, with the values that describe it: a gate may be given with one of them. The first is
 * the default.
 */
export const featureGates: Readonly<Record<string, readonly boolean[]>> = {
  EventedPLEG: [true, false],
  GracefulNodeShutdown: [true],
  GracefulNodeShutdownBasedOnPodPriority: [true],
  KubeletCrashLoopBackOffMax: [true],
  ReduceDefaultCrashLoopBackOffDecay: [false, true],
  CustomCPUCFSQuotaPeriod: [true],
  CPUManagerPolicyOptions: [true],
  TopologyManagerPolicyOptions: [true],
  InPlacePodVerticalScaling: [true],
  SidecarContainers: [true],
  ContainerRestartRules: [true],
  ImageVolume: [true],
  ProbeHostPodSecurityContext: [false],
  MemoryQoS: [false],
  NodeSwap: [true],
  NodeLogQuery: [false, true],
  UserNamespacesSupport: [true],
  DynamicResourceAllocation: [false],
  RotateKubeletServerCertificate: [false],
  QOSReserved: [true, false],
  KubeletTracing: [false],
  ContainerCheckpoint: [true],
  AllAlpha: [false],
  AllBeta: [false],
};

/** Whether a gate is open. */
export function isOpen(gate: keyof typeof featureGates & string, given: Record<string, boolean>): boolean {
  return given[gate] ?? featureGates[gate]?.[0] ?? false;
}

/** What is wrong with a gate that is given; undefined for nothing. */
export function refuseGate(gate: string, open: boolean): string | undefined {
  const known = featureGates[gate];
  if (!known) return `unknown feature gate; this node knows ${Object.keys(featureGates).join(', ')}`;
  return known.includes(open) ? undefined : `this node has it only with ${known[0]}`;
}
