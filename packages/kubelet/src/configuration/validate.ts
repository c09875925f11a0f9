import { signals } from '../eviction/signals.ts';
import { CpuSet } from '../machine/cpu-set.ts';
import { milliseconds } from './duration.ts';
import { isOpen, refuseGate } from './feature-gates.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

/** A field by its path, and what is wrong with its value. */
export interface FieldProblem {
  path: string;
  message: string;
}

/** What kubelet finds wrong with values that have the right type (kubernetes:pkg/kubelet/apis/config/validation/validation.go). */
export function validateConfiguration(configuration: KubeletConfiguration): FieldProblem[] {
  return [
    ...rangeProblems(configuration),
    ...imageProblems(configuration),
    ...shutdownProblems(configuration),
    ...allocatableProblems(configuration),
    ...evictionProblems(configuration),
    ...managerProblems(configuration),
    ...logProblems(configuration),
    ...problem('staticPodURL', urlProblem(configuration.staticPodURL)),
    ...problem(
      'showHiddenMetricsForVersion',
      !['', previousVersion].includes(configuration.showHiddenMetricsForVersion) &&
        `has to be "${previousVersion}", the version before this kubelet's, or left out`,
    ),
    ...Object.entries(configuration.featureGates).flatMap(([gate, open]) => problem(`featureGates.${gate}`, refuseGate(gate, open))),
  ];
}

function problem(path: string, message: string | false | undefined): FieldProblem[] {
  return message ? [{ path, message }] : [];
}

/** Inclusive bounds. */
type Range = [field: keyof KubeletConfiguration, least: number, most: number];

const int32Max = 2 ** 31 - 1;
const ranges: Range[] = [
  ['port', 1, 65535],
  ['readOnlyPort', 0, 65535],
  ['healthzPort', 0, 65535],
  ['oomScoreAdj', -1000, 1000],
  ['nodeLeaseDurationSeconds', 1, int32Max],
  ['eventBurst', 0, int32Max],
  ['eventRecordQPS', 0, int32Max],
  ['registryBurst', 0, int32Max],
  ['registryPullQPS', 0, int32Max],
  ['kubeAPIBurst', 0, int32Max],
  ['kubeAPIQPS', 0, int32Max],
  ['imageGCHighThresholdPercent', 0, 100],
  ['imageGCLowThresholdPercent', 0, 100],
  ['iptablesDropBit', 0, 31],
  ['iptablesMasqueradeBit', 0, 31],
  ['nodeStatusMaxImages', -1, int32Max],
  ['maxOpenFiles', 0, Number.MAX_SAFE_INTEGER],
  ['maxPods', 0, int32Max],
  ['podsPerCore', 0, int32Max],
  ['maxParallelImagePulls', 1, int32Max],
  ['containerLogMaxWorkers', 1, int32Max],
  ['containerLogMaxFiles', 2, int32Max],
  ['evictionMaxPodGracePeriod', 0, int32Max],
];

function rangeProblems(configuration: KubeletConfiguration): FieldProblem[] {
  const { memoryThrottlingFactor: factor, cpuCFSQuotaPeriod, crashLoopBackOff } = configuration;
  const numbers = ranges.flatMap(([field, least, most]) => {
    const value = configuration[field];
    return problem(
      field,
      typeof value === 'number' &&
        (value < least || value > most) &&
        (most >= int32Max ? `${value} has to be ${least} or more` : `${value} has to be between ${least} and ${most}`),
    );
  });
  const restart = milliseconds(crashLoopBackOff.maxContainerRestartPeriod);
  return [
    ...numbers,
    ...durationFields.flatMap((field) => problem(field, milliseconds(String(configuration[field])) < 0 && 'must not be negative')),
    ...problem('memoryThrottlingFactor', (factor <= 0 || factor > 1) && `${factor} has to be above 0 and at most 1.0`),
    ...problem(
      'cpuCFSQuotaPeriod',
      !within(milliseconds(cpuCFSQuotaPeriod), 1, 1000) && `${cpuCFSQuotaPeriod} has to be between 1ms and 1s`,
    ),
    ...problem(
      'crashLoopBackOff.maxContainerRestartPeriod',
      !within(restart, 1000, 300_000) && `${crashLoopBackOff.maxContainerRestartPeriod} has to be between 1s and 300s`,
    ),
  ];
}

function within(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

const durationFields = [
  'syncFrequency',
  'fileCheckFrequency',
  'httpCheckFrequency',
  'nodeStatusUpdateFrequency',
  'nodeStatusReportFrequency',
  'imageMinimumGCAge',
  'imageMaximumGCAge',
  'volumeStatsAggPeriod',
  'cpuManagerReconcilePeriod',
  'draManagerReconcilePeriod',
  'runtimeRequestTimeout',
  'evictionPressureTransitionPeriod',
] as const satisfies (keyof KubeletConfiguration)[];

function imageProblems(configuration: KubeletConfiguration): FieldProblem[] {
  const { imageGCHighThresholdPercent: high, imageGCLowThresholdPercent: low, imageMinimumGCAge, imageMaximumGCAge } = configuration;
  const { maxParallelImagePulls: parallel, serializeImagePulls } = configuration;
  const most = milliseconds(imageMaximumGCAge);
  const allowlist = configuration.preloadedImagesVerificationAllowlist;
  return [
    ...problem('imageGCLowThresholdPercent', low >= high && `${low} has to be less than imageGCHighThresholdPercent, which is ${high}`),
    ...problem(
      'imageMaximumGCAge',
      most > 0 &&
        most <= milliseconds(imageMinimumGCAge) &&
        `${imageMaximumGCAge} has to be longer than imageMinimumGCAge, which is ${imageMinimumGCAge}`,
    ),
    ...problem(
      'maxParallelImagePulls',
      serializeImagePulls === true && parallel !== undefined && parallel > 1 && 'may be above 1 only with serializeImagePulls: false',
    ),
    ...problem(
      'preloadedImagesVerificationAllowlist',
      allowlist.length > 0 &&
        configuration.imagePullCredentialsVerificationPolicy !== 'NeverVerifyAllowlistedImages' &&
        'may be given only with imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages',
    ),
  ];
}

function shutdownProblems(configuration: KubeletConfiguration): FieldProblem[] {
  const { shutdownGracePeriod, shutdownGracePeriodCriticalPods, shutdownGracePeriodByPodPriority } = configuration;
  const [all, critical] = [milliseconds(shutdownGracePeriod), milliseconds(shutdownGracePeriodCriticalPods)];
  const tooShort = (ms: number, text: string) => (ms < 0 || (ms > 0 && ms < 1000)) && `${text} has to be 0s, or 1s and more`;
  return [
    ...problem('shutdownGracePeriod', tooShort(all, shutdownGracePeriod)),
    ...problem('shutdownGracePeriodCriticalPods', tooShort(critical, shutdownGracePeriodCriticalPods)),
    ...problem(
      'shutdownGracePeriodCriticalPods',
      critical > all && `${shutdownGracePeriodCriticalPods} may be no longer than shutdownGracePeriod, which is ${shutdownGracePeriod}`,
    ),
    ...problem(
      'shutdownGracePeriodByPodPriority',
      shutdownGracePeriodByPodPriority.length > 0 && (all > 0 || critical > 0) && 'may not be given together with shutdownGracePeriod',
    ),
  ];
}

function urlProblem(url: string): string | false {
  const protocol = URL.parse(url)?.protocol;
  return url !== '' && !['http:', 'https:'].includes(protocol ?? '') && 'has to be a URL that begins with http:// or https://';
}

const enforcements = ['pods', 'system-reserved', 'system-reserved-compressible', 'kube-reserved', 'kube-reserved-compressible', 'none'];

function allocatableProblems(configuration: KubeletConfiguration): FieldProblem[] {
  const { enforceNodeAllocatable: enforced, systemCgroups, cgroupRoot, cgroupsPerQOS, reservedSystemCPUs } = configuration;
  const { systemReservedCgroup, kubeReservedCgroup } = configuration;
  const path = 'enforceNodeAllocatable';
  const needs = (key: string, cgroup: string, field: string) =>
    enforced.some((each) => each.startsWith(key)) && cgroup === '' && `${key} needs ${field}`;
  return [
    ...enforced.flatMap((each) =>
      problem(path, !enforcements.includes(each) && `${JSON.stringify(each)} is none of ${enforcements.join(', ')}`),
    ),
    ...problem(path, new Set(enforced).size < enforced.length && 'has a value twice'),
    ...problem(path, enforced.includes('none') && enforced.length > 1 && 'none stands alone'),
    ...problem(path, enforced.some((each) => each !== 'none') && !cgroupsPerQOS && 'needs cgroupsPerQOS: true; without it, give ["none"]'),
    ...problem(path, needs('system-reserved', systemReservedCgroup, 'systemReservedCgroup')),
    ...problem(path, needs('kube-reserved', kubeReservedCgroup, 'kubeReservedCgroup')),
    ...['system-reserved', 'kube-reserved'].flatMap((key) =>
      problem(path, enforced.includes(key) && enforced.includes(`${key}-compressible`) && `give one of ${key} and ${key}-compressible`),
    ),
    ...problem('systemCgroups', systemCgroups !== '' && cgroupRoot === '' && 'needs cgroupRoot'),
    ...problem('reservedSystemCPUs', !isCpuList(reservedSystemCPUs) && 'has to be a list of CPUs: 0-3,8'),
    ...problem(
      'reservedSystemCPUs',
      reservedSystemCPUs !== '' &&
        (systemReservedCgroup !== '' || kubeReservedCgroup !== '') &&
        'may not be given together with systemReservedCgroup or kubeReservedCgroup',
    ),
  ];
}

function isCpuList(text: string): boolean {
  try {
    return CpuSet.parse(text).size > 0 || text === '';
  } catch {
    return false;
  }
}

function evictionProblems(configuration: KubeletConfiguration): FieldProblem[] {
  const { evictionSoft, evictionSoftGracePeriod } = configuration;
  const maps = ['evictionHard', 'evictionSoft', 'evictionSoftGracePeriod', 'evictionMinimumReclaim'] as const;
  return [
    ...maps.flatMap((field) =>
      Object.keys(configuration[field] ?? {}).flatMap((signal) =>
        problem(
          `${field}[${signal}]`,
          !(signals as readonly string[]).includes(signal) && `unknown signal; it has to be one of ${signals.join(', ')}`,
        ),
      ),
    ),
    ...Object.keys(evictionSoft).flatMap((signal) =>
      problem(
        `evictionSoft[${signal}]`,
        evictionSoftGracePeriod[signal] === undefined && 'needs a grace period in evictionSoftGracePeriod',
      ),
    ),
    ...Object.entries(evictionSoftGracePeriod).flatMap(([signal, period]) =>
      problem(`evictionSoftGracePeriod[${signal}]`, milliseconds(period) < 0 && 'must not be negative'),
    ),
  ];
}

const topologyPolicies = ['none', 'best-effort', 'restricted', 'single-numa-node'];

function managerProblems(configuration: KubeletConfiguration): FieldProblem[] {
  const { topologyManagerPolicy: policy, topologyManagerScope: scope, hairpinMode, memoryReservationPolicy, podCIDR } = configuration;
  return [
    ...problem('topologyManagerPolicy', oneOf(policy, topologyPolicies)),
    ...problem('topologyManagerScope', oneOf(scope, ['container', 'pod'])),
    ...problem('hairpinMode', oneOf(hairpinMode, ['promiscuous-bridge', 'hairpin-veth', 'none'])),
    ...problem(
      'memoryReservationPolicy',
      memoryReservationPolicy === 'TieredReservation' &&
        !isOpen('MemoryQoS', configuration.featureGates) &&
        'needs the feature gate MemoryQoS',
    ),
    ...problem('podCIDR', podCIDR !== '' && !cidr.test(podCIDR) && 'has to be one or two CIDRs: 10.88.0.0/16'),
  ];
}

const cidr = /^[0-9a-f.:]+\/\d{1,3}(,[0-9a-f.:]+\/\d{1,3})?$/i;

function oneOf(value: string, values: string[]): string | false {
  return !values.includes(value) && `${JSON.stringify(value)} is none of ${values.join(', ')}`;
}

/** The minor version before that which the kubelet does as: no other may be asked for (kubernetes:component-base/metrics/options.go). */
const previousVersion = '1.35';

function logProblems(configuration: KubeletConfiguration): FieldProblem[] {
  const { containerLogMonitorInterval, podLogsDir, enableSystemLogQuery, enableSystemLogHandler } = configuration;
  const given = podLogsDir !== '';
  return [
    ...problem('containerLogMonitorInterval', milliseconds(containerLogMonitorInterval) < 3000 && 'has to be 3s or more'),
    ...problem('podLogsDir', given && !podLogsDir.startsWith('/') && 'has to be an absolute path'),
    ...problem(
      'podLogsDir',
      given && /\/\/|\/\.\.?(\/|$)|.\/$/.test(podLogsDir) && 'has to be a path without //, /./, /../ and a slash at its end',
    ),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what is beyond ASCII is meant.
    ...problem('podLogsDir', /[^\x00-\x7f]/.test(podLogsDir) && 'has to be ASCII, since metrics name it'),
    ...problem('enableSystemLogQuery', enableSystemLogQuery && !enableSystemLogHandler && 'needs enableSystemLogHandler'),
  ];
}
