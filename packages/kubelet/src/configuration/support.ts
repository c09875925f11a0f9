import type { ConfigurationField, KubeletConfiguration } from './kubelet-configuration.ts';

/** What the node makes of a field. */
export type Support =
  /** Does what the API's reference says; by which file of this package's `src` or of the repository, and as what it is known there. */
  | { kind: 'honoured'; by: string; as?: string }
  /** Any value is taken, and none changes anything; kubelet does the same where the reason holds. */
  | { kind: 'idle'; why: string }
  /** One value is taken, that which describes what the node does: by default that of the field. */
  | { kind: 'refused'; why: string; inForce?: unknown };

/** `as` is for files that have it under another name than its own. */
function honoured(by: string, as?: string): Support {
  return { kind: 'honoured', by, ...(as !== undefined && { as }) };
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
const presentImages = 'an image that is present is there for every pod of the node';

/** Every field of KubeletConfiguration; the tests hold that none is missing. */
export const fieldSupport: Record<ConfigurationField, Support> = {
  enableServer: honoured('server/server.ts'),
  staticPodPath: honoured('sources/manifest-source.ts', 'paths'),
  podLogsDir: honoured('pod-directories.ts'),
  syncFrequency: honoured('sync-loop.ts'),
  fileCheckFrequency: honoured('sources/manifest-source.ts', 'rescanMs'),
  httpCheckFrequency: honoured('sources/http-source.ts'),
  staticPodURL: honoured('sources/http-source.ts'),
  staticPodURLHeader: honoured('sources/http-source.ts'),
  address: honoured('server/server.ts'),
  port: honoured('server/server.ts'),
  readOnlyPort: honoured('server/server.ts'),
  tlsCertFile: honoured('server/tls.ts'),
  tlsPrivateKeyFile: honoured('server/tls.ts'),
  tlsCipherSuites: honoured('server/tls.ts'),
  tlsCurvePreferences: honoured('server/tls.ts'),
  tlsMinVersion: honoured('server/tls.ts'),
  rotateCertificates: idle(noApi),
  serverTLSBootstrap: refused(noApi),
  authentication: honoured('server/request-guard.ts'),
  authorization: honoured('server/request-guard.ts'),
  registryPullQPS: honoured('images/pull-limits.ts'),
  registryBurst: honoured('images/pull-limits.ts'),
  imagePullCredentialsVerificationPolicy: refused(presentImages, 'NeverVerify'),
  preloadedImagesVerificationAllowlist: refused(presentImages),
  eventRecordQPS: honoured('reports/event-publisher.ts'),
  eventBurst: honoured('reports/event-publisher.ts'),
  enableDebuggingHandlers: honoured('server/routes.ts'),
  enableContentionProfiling: refused('it is about the profiles of a Go program'),
  healthzPort: honoured('server/server.ts'),
  healthzBindAddress: honoured('server/server.ts'),
  oomScoreAdj: honoured('packages/cli/src/node/host-limits.ts'),
  clusterDomain: honoured('dns/pod-dns.ts'),
  clusterDNS: honoured('dns/pod-dns.ts'),
  streamingConnectionIdleTimeout: honoured('server/server.ts'),
  nodeStatusUpdateFrequency: honoured('node-status/node-reporter.ts'),
  nodeStatusReportFrequency: honoured('node-status/node-reporter.ts'),
  nodeLeaseDurationSeconds: honoured('node-status/node-lease.ts'),
  imageMinimumGCAge: honoured('gc/image-gc.ts'),
  imageMaximumGCAge: honoured('gc/image-gc.ts'),
  imageGCHighThresholdPercent: honoured('gc/image-gc.ts'),
  imageGCLowThresholdPercent: honoured('gc/image-gc.ts'),
  volumeStatsAggPeriod: honoured('stats/disk-usage.ts'),
  kubeletCgroups: refused('the kubelet stays in the cgroup that it was started in'),
  systemCgroups: refused('it moves no processes that are not its own'),
  cgroupRoot: honoured('cgroup/pod-cgroups.ts'),
  cgroupsPerQOS: honoured('cgroup/pod-cgroups.ts'),
  cgroupDriver: honoured('cgroup/node-cgroups.ts'),
  cpuManagerPolicy: honoured('topology-manager/resource-managers.ts'),
  singleProcessOOMKill: honoured('cri/resources.ts'),
  cpuManagerPolicyOptions: honoured('cpu-manager/cpu-policy-options.ts'),
  cpuManagerReconcilePeriod: honoured('cpu-manager/cpuset-reconciler.ts'),
  draManagerReconcilePeriod: refused('this node has no dynamic resources'),
  memoryManagerPolicy: honoured('topology-manager/resource-managers.ts'),
  topologyManagerPolicy: honoured('topology-manager/topology-manager.ts'),
  topologyManagerScope: honoured('topology-manager/topology-manager.ts'),
  topologyManagerPolicyOptions: honoured('topology-manager/topology-manager.ts'),
  qosReserved: honoured('cgroup/tier-values.ts'),
  runtimeRequestTimeout: honoured('packages/cli/src/node/configured-runtime.ts'),
  hairpinMode: idle(network),
  maxPods: honoured('machine/node-resources.ts'),
  podCIDR: idle(network),
  podPidsLimit: honoured('cgroup/pod-values.ts'),
  resolvConf: honoured('dns/pod-dns.ts'),
  runOnce: refused('kubelet refuses it too; "berth run --once" ends by itself'),
  cpuCFSQuota: honoured('cgroup/pod-values.ts'),
  cpuCFSQuotaPeriod: honoured('cgroup/pod-values.ts'),
  nodeStatusMaxImages: honoured('node-status/node-reporter.ts'),
  maxOpenFiles: honoured('packages/cli/src/node/host-limits.ts'),
  contentType: idle(noApi),
  kubeAPIQPS: idle(noApi),
  kubeAPIBurst: idle(noApi),
  serializeImagePulls: honoured('images/pull-limits.ts'),
  maxParallelImagePulls: honoured('images/pull-limits.ts'),
  evictionHard: honoured('eviction/thresholds.ts'),
  evictionSoft: honoured('eviction/thresholds.ts'),
  evictionSoftGracePeriod: honoured('eviction/thresholds.ts'),
  evictionPressureTransitionPeriod: honoured('eviction/eviction-manager.ts'),
  evictionMaxPodGracePeriod: honoured('eviction/eviction-manager.ts'),
  evictionMinimumReclaim: honoured('eviction/thresholds.ts'),
  mergeDefaultEvictionSettings: honoured('configuration/effective.ts'),
  podsPerCore: honoured('machine/node-resources.ts'),
  enableControllerAttachDetach: idle(noApi),
  protectKernelDefaults: refused('the flags of the kernel are left as they are'),
  makeIPTablesUtilChains: refused('iptables is left as it is', false),
  iptablesMasqueradeBit: idle(deprecated),
  iptablesDropBit: idle(deprecated),
  featureGates: honoured('configuration/feature-gates.ts'),
  failSwapOn: honoured('packages/cli/src/node/host-limits.ts'),
  memorySwap: honoured('cri/swap.ts'),
  containerLogMaxSize: honoured('logs/container-log-manager.ts'),
  containerLogMaxFiles: honoured('logs/container-log-manager.ts'),
  containerLogMaxWorkers: honoured('logs/container-log-manager.ts'),
  containerLogMonitorInterval: honoured('logs/container-log-manager.ts'),
  configMapAndSecretChangeDetectionStrategy: idle(noApi),
  systemReserved: honoured('machine/reservations.ts'),
  kubeReserved: honoured('machine/reservations.ts'),
  reservedSystemCPUs: honoured('cpu-manager/reserved-cpus.ts'),
  showHiddenMetricsForVersion: idle('no metric of this node is hidden'),
  systemReservedCgroup: honoured('cgroup/node-cgroups.ts'),
  kubeReservedCgroup: honoured('cgroup/node-cgroups.ts'),
  enforceNodeAllocatable: honoured('cgroup/node-cgroups.ts'),
  allowedUnsafeSysctls: honoured('admission/sysctls.ts'),
  volumePluginDir: refused('this node has no flex volumes'),
  providerID: honoured('node-status/registered-node.ts'),
  kernelMemcgNotification: refused("memory is looked at every 10 s; with cgroup v2 kubelet isn't notified either"),
  logging: refused('the log is JSON; berth --log-level says what is in it'),
  enableSystemLogHandler: honoured('server/routes.ts'),
  enableSystemLogQuery: honoured('server/routes.ts'),
  shutdownGracePeriod: honoured('shutdown/shutdown-groups.ts'),
  shutdownGracePeriodCriticalPods: honoured('shutdown/shutdown-groups.ts'),
  shutdownGracePeriodByPodPriority: honoured('shutdown/shutdown-groups.ts'),
  crashLoopBackOff: honoured('plan/back-off.ts', 'crashMaxMs'),
  reservedMemory: honoured('memory-manager/reserved-memory.ts'),
  enableProfilingHandler: refused('its profiles are those of a Go program', false),
  enableDebugFlagsHandler: honoured('server/routes.ts'),
  seccompDefault: honoured('cri/security-context.ts'),
  memoryThrottlingFactor: refused('it belongs to the feature gate MemoryQoS, which is off'),
  memoryReservationPolicy: refused('it belongs to the feature gate MemoryQoS, which is off'),
  registerWithTaints: honoured('node-status/registered-node.ts'),
  registerNode: idle(noApi),
  tracing: refused('calls are traced by "berth trace"'),
  localStorageCapacityIsolation: honoured('eviction/eviction-manager.ts'),
  containerRuntimeEndpoint: honoured('packages/cli/src/node/configured-runtime.ts'),
  imageServiceEndpoint: honoured('packages/cli/src/node/configured-runtime.ts'),
  failCgroupV1: honoured('packages/cli/src/node/host-limits.ts'),
  userNamespaces: honoured('userns/user-namespaces.ts'),
};

/** The value that describes what the node does, of a field that is refused with any other; undefined: its default. */
export function valueInForce(field: ConfigurationField): Partial<KubeletConfiguration>[ConfigurationField] | undefined {
  const support = fieldSupport[field];
  return support.kind === 'refused' ? (support.inForce as undefined) : undefined;
}
