import type { KubeletOptions } from '../kubelet.ts';
import { HttpSource } from '../sources/http-source.ts';
import { ManifestSource } from '../sources/manifest-source.ts';
import type { ObjectSource } from '../sources/object-source.ts';
import type { PodSource } from '../sources/pod-source.ts';
import { milliseconds } from './duration.ts';
import { isOpen } from './feature-gates.ts';
import { imageOptions } from './image-options.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

/** What of a kubelet's options its configuration says. */
type ConfiguredOptions = Pick<KubeletOptions, 'runtimeRequestTimeoutMs' | 'backOff' | 'intervals' | 'pullLimits' | 'imageGc'>;

/** A node's configuration as the options of the kubelet's parts. */
export function kubeletOptions(configuration: KubeletConfiguration): ConfiguredOptions {
  return {
    runtimeRequestTimeoutMs: milliseconds(configuration.runtimeRequestTimeout),
    backOff: crashBackOff(configuration),
    intervals: { syncMs: milliseconds(configuration.syncFrequency) },
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
