import type { NodeGcOptions } from '../gc/node-gc.ts';
import type { EnvironmentOptions } from '../node-environment.ts';
import { milliseconds } from './duration.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

/** How a node pulls its images, and when it removes them. */
export function imageOptions(configuration: KubeletConfiguration): Pick<EnvironmentOptions & NodeGcOptions, 'pullLimits' | 'imageGc'> {
  const { serializeImagePulls = true, maxParallelImagePulls, registryPullQPS, registryBurst } = configuration;
  return {
    pullLimits: {
      serializeImagePulls,
      registryPullQPS,
      registryBurst,
      ...(maxParallelImagePulls !== undefined && { maxParallelImagePulls }),
    },
    imageGc: {
      imageGCHighThresholdPercent: configuration.imageGCHighThresholdPercent,
      imageGCLowThresholdPercent: configuration.imageGCLowThresholdPercent,
      imageMinimumGCAgeMs: milliseconds(configuration.imageMinimumGCAge),
      imageMaximumGCAgeMs: milliseconds(configuration.imageMaximumGCAge),
    },
  };
}
