import type { KubeletOptions } from '../kubelet-options.ts';
import { HttpSource } from '../sources/http-source.ts';
import { ManifestSource } from '../sources/manifest-source.ts';
import type { ObjectSource } from '../sources/object-source.ts';
import type { PodSource } from '../sources/pod-source.ts';
import type { TopologyManagerPolicy } from '../topology-manager/policies.ts';
import { milliseconds } from './duration.ts';
import { isOpen } from './feature-gates.ts';
import { imageOptions } from './image-options.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';
import { configuredLogRotation, configuredServer } from './serving.ts';

/** What of a kubelet's options its configuration says. */
type ConfiguredOptions = Partial<KubeletOptions>;

/** A node's configuration as the options of the kubelet's parts. */
export function kubeletOptions(configuration: KubeletConfiguration): ConfiguredOptions {
  return {
    runtimeRequestTimeoutMs: milliseconds(configuration.runtimeRequestTimeout),
    backOff: crashBackOff(configuration),
    evented: isOpen('EventedPLEG', configuration.featureGates),
    dns: { clusterDNS: configuration.clusterDNS, clusterDomain: configuration.clusterDomain, resolvConf: configuration.resolvConf },
    sysctls: { allowedUnsafeSysctls: configuration.allowedUnsafeSysctls },
    seccompDefault: configuration.seccompDefault,
    userNamespaces: { idsPerPod: configuration.userNamespaces.idsPerPod, maxPods: configuration.maxPods },
    shutdown: {
      shutdownGracePeriod: milliseconds(configuration.shutdownGracePeriod) / 1000,
      shutdownGracePeriodCriticalPods: milliseconds(configuration.shutdownGracePeriodCriticalPods) / 1000,
      shutdownGracePeriodByPodPriority: configuration.shutdownGracePeriodByPodPriority,
    },
    cgroups: {
      cgroupDriver: configuration.cgroupDriver === 'systemd' ? 'systemd' : 'cgroupfs',
      cgroupsPerQOS: configuration.cgroupsPerQOS,
      enforceNodeAllocatable: configuration.enforceNodeAllocatable,
      ...(configuration.systemReservedCgroup !== '' && { systemReservedCgroup: configuration.systemReservedCgroup }),
      ...(configuration.kubeReservedCgroup !== '' && { kubeReservedCgroup: configuration.kubeReservedCgroup }),
      cpuCFSQuota: configuration.cpuCFSQuota,
      cpuCFSQuotaPeriod: BigInt(Math.round(milliseconds(configuration.cpuCFSQuotaPeriod) * 1000)),
      podPidsLimit: BigInt(configuration.podPidsLimit),
      qosReserved: isOpen('QOSReserved', configuration.featureGates) ? configuration.qosReserved : {},
    },
    resources: {
      systemReserved: configuration.systemReserved,
      kubeReserved: configuration.kubeReserved,
      evictionHard: configuration.evictionHard ?? {},
      maxPods: configuration.maxPods,
      podsPerCore: configuration.podsPerCore,
    },
    nodeStatus: {
      registerWithTaints: configuration.registerWithTaints,
      providerID: configuration.providerID,
      nodeStatusUpdateFrequencyMs: milliseconds(configuration.nodeStatusUpdateFrequency),
      nodeStatusReportFrequencyMs: milliseconds(configuration.nodeStatusReportFrequency),
      nodeLeaseDurationSeconds: configuration.nodeLeaseDurationSeconds,
      nodeStatusMaxImages: configuration.nodeStatusMaxImages,
    },
    containers: {
      swapBehavior: configuration.memorySwap.swapBehavior || 'NoSwap',
      singleProcessOOMKill: configuration.singleProcessOOMKill ?? false,
    },
    eventLimits: { eventRecordQPS: configuration.eventRecordQPS, eventBurst: configuration.eventBurst },
    volumeStatsAggPeriodMs: milliseconds(configuration.volumeStatsAggPeriod),
    intervals: { syncMs: milliseconds(configuration.syncFrequency) },
    resourceManagers: resourceManagers(configuration),
    eviction: eviction(configuration),
    server: configuredServer(configuration),
    logRotation: configuredLogRotation(configuration),
    ...imageOptions(configuration),
  };
}

/** KEP-4603: a node may have shorter delays than kubelet's, and the gate makes them short for all. */
function crashBackOff({ crashLoopBackOff, featureGates }: KubeletConfiguration): KubeletOptions['backOff'] {
  const reduced = isOpen('ReduceDefaultCrashLoopBackOffDecay', featureGates);
  const configured = milliseconds(crashLoopBackOff.maxContainerRestartPeriod);
  const crashMaxMs = reduced ? Math.min(configured, 60_000) : configured;
  return { crashInitialMs: Math.min(reduced ? 1000 : 10_000, crashMaxMs), crashMaxMs };
}

function resourceManagers(configuration: KubeletConfiguration): KubeletOptions['resourceManagers'] {
  const { cpuManagerPolicy, memoryManagerPolicy, topologyManagerPolicy, topologyManagerScope, ...rest } = configuration;
  return {
    cpuManagerPolicy: cpuManagerPolicy === 'static' ? 'static' : 'none',
    cpuManagerPolicyOptions: rest.cpuManagerPolicyOptions,
    cpuManagerReconcilePeriodMs: milliseconds(rest.cpuManagerReconcilePeriod),
    reservedSystemCPUs: rest.reservedSystemCPUs,
    memoryManagerPolicy: memoryManagerPolicy === 'Static' ? 'Static' : 'None',
    reservedMemory: rest.reservedMemory,
    // Validation knows only these.
    topologyManagerPolicy: topologyManagerPolicy as TopologyManagerPolicy,
    topologyManagerScope: topologyManagerScope as 'container' | 'pod',
    topologyManagerPolicyOptions: rest.topologyManagerPolicyOptions,
  };
}

function eviction(configuration: KubeletConfiguration): KubeletOptions['eviction'] {
  const { evictionHard = {}, evictionSoft, evictionSoftGracePeriod, evictionMinimumReclaim, evictionMaxPodGracePeriod } = configuration;
  const periods = Object.entries(evictionSoftGracePeriod).map(([signal, period]) => [signal, milliseconds(period)]);
  return {
    evictionHard,
    evictionSoft,
    evictionSoftGracePeriodMs: Object.fromEntries(periods),
    evictionMinimumReclaim,
    evictionMaxPodGracePeriod,
    evictionPressureTransitionPeriodMs: milliseconds(configuration.evictionPressureTransitionPeriod),
    localStorageCapacityIsolation: configuration.localStorageCapacityIsolation,
  };
}

/** Where a node's pods come from, and the objects that they refer to. */
export interface PodOrigins {
  sources: PodSource[];
  objects?: ObjectSource;
}

/** The static pods of a node's configuration: from staticPodPath and from staticPodURL; `objectPaths` hold what they refer to. */
export function staticPodOrigins(configuration: KubeletConfiguration, nodeName: string, objectPaths: string[] = []): PodOrigins {
  const { staticPodPath, staticPodURL, staticPodURLHeader, fileCheckFrequency, httpCheckFrequency } = configuration;
  const files = new ManifestSource({
    paths: staticPodPath === '' ? [] : [staticPodPath],
    objectPaths,
    nodeName,
    namedByNode: true,
    everyName: true,
    rescanMs: milliseconds(fileCheckFrequency),
  });
  const httpOptions = {
    staticPodURL,
    staticPodURLHeader,
    httpCheckFrequencyMs: milliseconds(httpCheckFrequency),
    nodeName,
    namedByNode: true,
  };
  return { sources: [files, ...(staticPodURL === '' ? [] : [new HttpSource(httpOptions)])], objects: files.objects };
}
