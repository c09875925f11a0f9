import { Quantity, QuantityError } from '@berth/api/quantity';
import { z } from 'zod';
import { canonicalDuration } from './duration.ts';
import { quantityOrPercent } from './threshold.ts';

export const apiVersion = 'kubelet.config.k8s.io/v1beta1';
export const kind = 'KubeletConfiguration';

/** metav1.Duration: kept as Go writes it. */
const duration = z.string('must be a duration in quotes or with its unit: 20s, 1m30s, 300ms').transform((text, { addIssue }) => {
  const canonical = canonicalDuration(text);
  if (canonical === undefined)
    addIssue({ code: 'custom', message: `${JSON.stringify(text)} is no duration; write it like 20s, 1m30s, 300ms` });
  return canonical ?? '0s';
});

/** Where Go can't tell the zero value from none, it stands for the default. */
function unlessZero<Schema extends z.ZodType>(schema: Schema, fallback: z.output<Schema>) {
  return schema.optional().transform((value) => (value === undefined || value === '' || value === 0 || value === '0s' ? fallback : value));
}

const text = z.string();
const flag = z.boolean();
const int32 = z.int32();
const int64 = z.int();
const fraction = z.number();
const texts = z.array(text);
const options = z.record(z.string(), z.string());
const filePath = text.default('');
const quantity = z.union([text, z.number()]).transform((given, { addIssue }) => {
  const parsed = Quantity.tryParse(given);
  if (parsed instanceof QuantityError) addIssue({ code: 'custom', message: parsed.message });
  return String(given);
});
const amounts = z.record(z.string(), quantity);
const thresholds = z.record(z.string(), quantityOrPercent);
const periods = z.record(z.string(), duration);
const taint = z.strictObject({
  key: text.min(1),
  value: text.optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
  timeAdded: z.undefined('may not be given here').optional(),
});

/** The text and JSON options of component-base's logging. */
const logging = z.strictObject({
  format: z.enum(['text', 'json']).default('json'),
  flushFrequency: z.union([duration, z.int()]).default('5s'),
  verbosity: z.int().min(0).default(0),
  vmodule: z.array(z.strictObject({ filePattern: text, verbosity: z.int().min(0) })).default([]),
  options: z.record(z.string(), z.unknown()).default({}),
});

const tracing = z.strictObject({ endpoint: text.optional(), samplingRatePerMillion: int32.min(0).max(1_000_000).optional() });

/**
 * KubeletConfiguration v1beta1 as of Kubernetes 1.36 (kubernetes:staging/src/k8s.io/kubelet/config/v1beta1/types.go), in the order of that type,
 * with the defaults of pkg/kubelet/apis/config/v1beta1/defaults.go. What is the value of a field that this node hasn't got stands in support.ts.
 */
export const kubeletConfigurationFields = {
  enableServer: flag.default(true),
  staticPodPath: filePath,
  podLogsDir: text.default(''),
  syncFrequency: unlessZero(duration, '1m0s'),
  fileCheckFrequency: unlessZero(duration, '20s'),
  httpCheckFrequency: unlessZero(duration, '20s'),
  staticPodURL: text.default(''),
  staticPodURLHeader: z.record(z.string(), texts).default({}),
  address: unlessZero(text, '0.0.0.0'),
  port: unlessZero(int32, 10250),
  readOnlyPort: int32.default(0),
  tlsCertFile: filePath,
  tlsPrivateKeyFile: filePath,
  tlsCipherSuites: texts.default([]),
  tlsCurvePreferences: z.array(int32).default([]),
  tlsMinVersion: text.default(''),
  rotateCertificates: flag.default(false),
  serverTLSBootstrap: flag.default(false),
  authentication: z
    .strictObject({
      x509: z.strictObject({ clientCAFile: filePath }).prefault({}),
      webhook: z.strictObject({ enabled: flag.default(true), cacheTTL: unlessZero(duration, '2m0s') }).prefault({}),
      anonymous: z.strictObject({ enabled: flag.default(false) }).prefault({}),
    })
    .prefault({}),
  authorization: z
    .strictObject({
      mode: z.enum(['AlwaysAllow', 'Webhook']).default('Webhook'),
      webhook: z
        .strictObject({ cacheAuthorizedTTL: unlessZero(duration, '5m0s'), cacheUnauthorizedTTL: unlessZero(duration, '30s') })
        .prefault({}),
    })
    .prefault({}),
  registryPullQPS: int32.default(5),
  registryBurst: unlessZero(int32, 10),
  imagePullCredentialsVerificationPolicy: z
    .enum(['NeverVerify', 'NeverVerifyPreloadedImages', 'NeverVerifyAllowlistedImages', 'AlwaysVerify'])
    .default('NeverVerifyPreloadedImages'),
  preloadedImagesVerificationAllowlist: texts.default([]),
  eventRecordQPS: int32.default(50),
  eventBurst: unlessZero(int32, 100),
  enableDebuggingHandlers: flag.default(true),
  enableContentionProfiling: flag.default(false),
  healthzPort: int32.default(10248),
  healthzBindAddress: unlessZero(text, '127.0.0.1'),
  oomScoreAdj: int32.default(-999),
  clusterDomain: text.default(''),
  clusterDNS: z.array(z.union([z.ipv4(), z.ipv6()], 'must be an IP address')).default([]),
  streamingConnectionIdleTimeout: unlessZero(duration, '4h0m0s'),
  nodeStatusUpdateFrequency: unlessZero(duration, '10s'),
  nodeStatusReportFrequency: unlessZero(duration, '5m0s'),
  nodeLeaseDurationSeconds: unlessZero(int32, 40),
  imageMinimumGCAge: unlessZero(duration, '2m0s'),
  imageMaximumGCAge: duration.default('0s'),
  imageGCHighThresholdPercent: int32.default(85),
  imageGCLowThresholdPercent: int32.default(80),
  volumeStatsAggPeriod: unlessZero(duration, '1m0s'),
  kubeletCgroups: text.default(''),
  systemCgroups: text.default(''),
  cgroupRoot: text.default(''),
  cgroupsPerQOS: flag.default(true),
  cgroupDriver: unlessZero(z.enum(['', 'cgroupfs', 'systemd']), 'cgroupfs'),
  cpuManagerPolicy: unlessZero(z.enum(['', 'none', 'static']), 'none'),
  singleProcessOOMKill: flag.optional(),
  cpuManagerPolicyOptions: options.default({}),
  cpuManagerReconcilePeriod: unlessZero(duration, '10s'),
  draManagerReconcilePeriod: unlessZero(duration, '1m0s'),
  memoryManagerPolicy: unlessZero(z.enum(['', 'None', 'Static']), 'None'),
  topologyManagerPolicy: unlessZero(text, 'none'),
  topologyManagerScope: unlessZero(text, 'container'),
  topologyManagerPolicyOptions: options.default({}),
  qosReserved: options.default({}),
  runtimeRequestTimeout: unlessZero(duration, '2m0s'),
  hairpinMode: unlessZero(text, 'promiscuous-bridge'),
  maxPods: unlessZero(int32, 110),
  podCIDR: text.default(''),
  podPidsLimit: int64.default(-1).transform((limit) => (limit < 0 ? -1 : limit)),
  resolvConf: text.default('/etc/resolv.conf'),
  runOnce: flag.default(false),
  cpuCFSQuota: flag.default(true),
  cpuCFSQuotaPeriod: duration.default('100ms'),
  nodeStatusMaxImages: int32.default(50),
  maxOpenFiles: unlessZero(int64, 1_000_000),
  contentType: unlessZero(text, 'application/vnd.kubernetes.protobuf'),
  kubeAPIQPS: int32.default(50),
  kubeAPIBurst: unlessZero(int32, 100),
  serializeImagePulls: flag.optional(),
  maxParallelImagePulls: int32.optional(),
  evictionHard: thresholds.optional(),
  evictionSoft: thresholds.default({}),
  evictionSoftGracePeriod: periods.default({}),
  evictionPressureTransitionPeriod: unlessZero(duration, '5m0s'),
  evictionMaxPodGracePeriod: int32.default(0),
  evictionMinimumReclaim: thresholds.default({}),
  mergeDefaultEvictionSettings: flag.default(false),
  podsPerCore: int32.default(0),
  enableControllerAttachDetach: flag.default(true),
  protectKernelDefaults: flag.default(false),
  makeIPTablesUtilChains: flag.default(true),
  iptablesMasqueradeBit: int32.default(14),
  iptablesDropBit: int32.default(15),
  featureGates: z.record(z.string(), flag).default({}),
  failSwapOn: flag.default(true),
  memorySwap: z.strictObject({ swapBehavior: z.enum(['', 'NoSwap', 'LimitedSwap']).default('') }).prefault({}),
  containerLogMaxSize: unlessZero(quantity, '10Mi'),
  containerLogMaxFiles: int32.default(5),
  containerLogMaxWorkers: int32.default(1),
  containerLogMonitorInterval: duration.default('10s'),
  configMapAndSecretChangeDetectionStrategy: unlessZero(z.enum(['', 'Get', 'Cache', 'Watch']), 'Watch'),
  systemReserved: amounts.default({}),
  kubeReserved: amounts.default({}),
  reservedSystemCPUs: text.default(''),
  showHiddenMetricsForVersion: text.default(''),
  systemReservedCgroup: text.default(''),
  kubeReservedCgroup: text.default(''),
  enforceNodeAllocatable: texts.default(['pods']),
  allowedUnsafeSysctls: texts.default([]),
  volumePluginDir: unlessZero(text, '/usr/libexec/kubernetes/kubelet-plugins/volume/exec/'),
  providerID: text.default(''),
  kernelMemcgNotification: flag.default(false),
  logging: logging.prefault({}),
  enableSystemLogHandler: flag.default(true),
  enableSystemLogQuery: flag.default(false),
  shutdownGracePeriod: duration.default('0s'),
  shutdownGracePeriodCriticalPods: duration.default('0s'),
  shutdownGracePeriodByPodPriority: z.array(z.strictObject({ priority: int32, shutdownGracePeriodSeconds: int64.min(0) })).default([]),
  crashLoopBackOff: z.strictObject({ maxContainerRestartPeriod: duration.default('5m0s') }).prefault({}),
  reservedMemory: z.array(z.strictObject({ numaNode: int32.min(0), limits: amounts })).default([]),
  enableProfilingHandler: flag.default(true),
  enableDebugFlagsHandler: flag.default(true),
  seccompDefault: flag.default(false),
  memoryThrottlingFactor: fraction.default(0.9),
  memoryReservationPolicy: unlessZero(z.enum(['', 'None', 'TieredReservation']), 'None'),
  registerWithTaints: z.array(taint).default([]),
  registerNode: flag.default(true),
  tracing: tracing.optional(),
  localStorageCapacityIsolation: flag.default(true),
  containerRuntimeEndpoint: text.default(''),
  imageServiceEndpoint: text.default(''),
  failCgroupV1: flag.default(true),
  userNamespaces: z.strictObject({ idsPerPod: int64.default(65536) }).prefault({}),
};

const typeMeta = { apiVersion: z.literal(apiVersion), kind: z.literal(kind) };

/** What users write: every field may be left out. */
export const kubeletConfiguration = z.strictObject({ ...typeMeta, ...kubeletConfigurationFields });

/** Every field with its value in force; durations as Go writes them, quantities as they were given. */
export type KubeletConfiguration = z.output<typeof kubeletConfiguration>;

/** A field of KubeletConfiguration, by its name. */
export type ConfigurationField = keyof typeof kubeletConfigurationFields;
