import type { ConfigurationField, KubeletConfiguration } from './kubelet-configuration.ts';

/** What the node makes of a field. */
export type Support =
  /** Does what the API's reference says; by which file. */
  | { kind: 'honoured'; by: string }
  /** Any value is taken, and none changes anything; kubelet does the same where the reason holds. */
  | { kind: 'idle'; why: string }
  /** One value is taken, that which describes what the node does: by default that of the field. */
  | { kind: 'refused'; why: string; inForce?: unknown };

function honoured(by: string): Support {
  return { kind: 'honoured', by };
}

function idle(why: string): Support {
  return { kind: 'idle', why };
}

function refused(why: string, ...[inForce]: unknown[]): Support {
  return { kind: 'refused', why, ...(inForce !== undefined && { inForce }) };
}

const noApi = 'it is about the API server, and this node has none';
const deprecated = 'kubelet does nothing with it either any more';
const network = 'the network is that of the CNI configuration';
const pending = refused('this node does not have it yet');

/** Every field of KubeletConfiguration; the tests hold that none is missing. */
export const fieldSupport: Record<ConfigurationField, Support> = {
  enableServer: pending,
  staticPodPath: honoured('sources/manifest-source.ts'),
  podLogsDir: honoured('pod-directories.ts'),
  syncFrequency: honoured('sync-loop.ts'),
  fileCheckFrequency: honoured('sources/manifest-source.ts'),
  httpCheckFrequency: honoured('sources/http-source.ts'),
  staticPodURL: honoured('sources/http-source.ts'),
  staticPodURLHeader: honoured('sources/http-source.ts'),
  address: pending,
  port: pending,
  readOnlyPort: pending,
  tlsCertFile: pending,
  tlsPrivateKeyFile: pending,
  tlsCipherSuites: pending,
  tlsCurvePreferences: pending,
  tlsMinVersion: pending,
  rotateCertificates: idle(noApi),
  serverTLSBootstrap: refused(noApi),
  authentication: pending,
  authorization: pending,
  registryPullQPS: honoured('images/pull-limits.ts'),
  registryBurst: honoured('images/pull-limits.ts'),
  imagePullCredentialsVerificationPolicy: pending,
  preloadedImagesVerificationAllowlist: pending,
  eventRecordQPS: pending,
  eventBurst: pending,
  enableDebuggingHandlers: pending,
  enableContentionProfiling: refused('it is about the profiles of a Go program'),
  healthzPort: pending,
  healthzBindAddress: pending,
  oomScoreAdj: honoured('packages/cli/src/node/host-limits.ts'),
  clusterDomain: pending,
  clusterDNS: pending,
  streamingConnectionIdleTimeout: idle(deprecated),
  nodeStatusUpdateFrequency: idle(noApi),
  nodeStatusReportFrequency: idle(noApi),
  nodeLeaseDurationSeconds: idle(noApi),
  imageMinimumGCAge: honoured('gc/image-gc.ts'),
  imageMaximumGCAge: honoured('gc/image-gc.ts'),
  imageGCHighThresholdPercent: honoured('gc/image-gc.ts'),
  imageGCLowThresholdPercent: honoured('gc/image-gc.ts'),
  volumeStatsAggPeriod: pending,
  kubeletCgroups: refused('the kubelet stays in the cgroup that it was started in'),
  systemCgroups: refused('it moves no processes that are not its own'),
  cgroupRoot: honoured('cgroup/node-cgroups.ts'),
  cgroupsPerQOS: pending,
  cgroupDriver: pending,
  cpuManagerPolicy: pending,
  singleProcessOOMKill: refused('it is left to the runtime'),
  cpuManagerPolicyOptions: pending,
  cpuManagerReconcilePeriod: pending,
  draManagerReconcilePeriod: refused('this node has no dynamic resources'),
  memoryManagerPolicy: pending,
  topologyManagerPolicy: pending,
  topologyManagerScope: pending,
  topologyManagerPolicyOptions: pending,
  qosReserved: refused('it is an experiment of kubelet that is off by default'),
  runtimeRequestTimeout: honoured('kubelet.ts'),
  hairpinMode: idle(network),
  maxPods: pending,
  podCIDR: idle(network),
  podPidsLimit: pending,
  resolvConf: pending,
  runOnce: refused('kubelet refuses it too; "berth run --once" ends by itself'),
  cpuCFSQuota: pending,
  cpuCFSQuotaPeriod: pending,
  nodeStatusMaxImages: idle(noApi),
  maxOpenFiles: honoured('packages/cli/src/node/host-limits.ts'),
  contentType: idle(noApi),
  kubeAPIQPS: idle(noApi),
  kubeAPIBurst: idle(noApi),
  serializeImagePulls: honoured('images/pull-limits.ts'),
  maxParallelImagePulls: honoured('images/pull-limits.ts'),
  evictionHard: pending,
  evictionSoft: pending,
  evictionSoftGracePeriod: pending,
  evictionPressureTransitionPeriod: pending,
  evictionMaxPodGracePeriod: pending,
  evictionMinimumReclaim: pending,
  mergeDefaultEvictionSettings: honoured('configuration/effective.ts'),
  podsPerCore: pending,
  enableControllerAttachDetach: idle(noApi),
  protectKernelDefaults: refused('the flags of the kernel are left as they are'),
  makeIPTablesUtilChains: refused('iptables is left as it is', false),
  iptablesMasqueradeBit: idle(deprecated),
  iptablesDropBit: idle(deprecated),
  featureGates: honoured('configuration/feature-gates.ts'),
  failSwapOn: honoured('packages/cli/src/node/host-limits.ts'),
  memorySwap: refused('pods do not swap'),
  containerLogMaxSize: pending,
  containerLogMaxFiles: pending,
  containerLogMaxWorkers: pending,
  containerLogMonitorInterval: pending,
  configMapAndSecretChangeDetectionStrategy: idle(noApi),
  systemReserved: pending,
  kubeReserved: pending,
  reservedSystemCPUs: pending,
  showHiddenMetricsForVersion: pending,
  systemReservedCgroup: pending,
  kubeReservedCgroup: pending,
  enforceNodeAllocatable: pending,
  allowedUnsafeSysctls: pending,
  volumePluginDir: refused('this node has no flex volumes'),
  providerID: pending,
  kernelMemcgNotification: pending,
  logging: refused('the log is JSON; berth --log-level says what is in it'),
  enableSystemLogHandler: pending,
  enableSystemLogQuery: pending,
  shutdownGracePeriod: honoured('shutdown/node-shutdown.ts'),
  shutdownGracePeriodCriticalPods: honoured('shutdown/node-shutdown.ts'),
  shutdownGracePeriodByPodPriority: honoured('shutdown/node-shutdown.ts'),
  crashLoopBackOff: honoured('plan/back-off.ts'),
  reservedMemory: pending,
  enableProfilingHandler: pending,
  enableDebugFlagsHandler: pending,
  seccompDefault: pending,
  memoryThrottlingFactor: refused('it belongs to the feature gate MemoryQoS, which is off'),
  memoryReservationPolicy: refused('it belongs to the feature gate MemoryQoS, which is off'),
  registerWithTaints: idle(noApi),
  registerNode: idle(noApi),
  tracing: refused('calls are traced by "berth trace"'),
  localStorageCapacityIsolation: pending,
  containerRuntimeEndpoint: honoured('packages/cli/src/node/kubelet-node.ts'),
  imageServiceEndpoint: honoured('packages/cli/src/node/kubelet-node.ts'),
  failCgroupV1: honoured('packages/cli/src/node/host-limits.ts'),
  userNamespaces: refused('this node has no user namespaces'),
};

/** The value that describes what the node does, of a field that is refused with any other; undefined: its default. */
export function valueInForce(field: ConfigurationField): Partial<KubeletConfiguration>[ConfigurationField] | undefined {
  const support = fieldSupport[field];
  return support.kind === 'refused' ? (support.inForce as undefined) : undefined;
}
