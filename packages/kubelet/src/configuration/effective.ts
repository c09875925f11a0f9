import { CpuSet } from '../machine/cpu-set.ts';
import { defaultEvictionHard, withReservedCpus } from '../machine/reservations.ts';
import type { ConfigurationField, KubeletConfiguration } from './kubelet-configuration.ts';
import { standaloneAccess } from './standalone.ts';
import { fieldSupport, valueInForce } from './support.ts';

/** The configuration in force: defaults that hang on other fields filled in, and what the node doesn't do as it is. */
export function effective(configuration: KubeletConfiguration, given: object): KubeletConfiguration {
  const known = Object.keys(fieldSupport) as ConfigurationField[];
  const inForce = Object.fromEntries(known.flatMap((field) => (valueInForce(field) === undefined ? [] : [[field, valueInForce(field)]])));
  const { maxParallelImagePulls: parallel = 1 } = configuration;
  return {
    ...withReservedCpus(configuration, CpuSet.parse(configuration.reservedSystemCPUs)),
    ...standaloneAccess(configuration),
    serializeImagePulls: configuration.serializeImagePulls ?? parallel < 2,
    evictionHard: hardThresholds(configuration),
    nodeStatusReportFrequency: reportFrequency(configuration, given),
    ...inForce,
  };
}

/** Thresholds that are given stand alone, unless the defaults are asked for besides. */
function hardThresholds({ evictionHard, mergeDefaultEvictionSettings }: KubeletConfiguration): Record<string, string> {
  if (evictionHard === undefined) return defaultEvictionHard;
  return mergeDefaultEvictionSettings ? { ...defaultEvictionHard, ...evictionHard } : evictionHard;
}

/** One that isn't given follows nodeStatusUpdateFrequency, if that is. */
function reportFrequency({ nodeStatusReportFrequency, nodeStatusUpdateFrequency }: KubeletConfiguration, given: object): string {
  const follows = 'nodeStatusUpdateFrequency' in given && !('nodeStatusReportFrequency' in given);
  return follows ? nodeStatusUpdateFrequency : nodeStatusReportFrequency;
}
