import { createHash } from 'node:crypto';
import type { DeviceAllocation } from '@berth/sdk/device';
import type { Unit } from '../resources/resources.ts';
import type { AllocationFiles, ContainerDevice } from './allocation-files.ts';
import { cdiNameOf } from './cdi-specification.ts';

/** How a container's runtime is told of its devices, as NVIDIA's plugin names it. */
export const deviceListStrategies = ['envvar', 'volume-mounts', 'cdi-annotations', 'cdi-cri'] as const;
export type DeviceListStrategy = (typeof deviceListStrategies)[number];

/** What devices are called in that list. */
export const deviceIdStrategies = ['uuid', 'index'] as const;
type DeviceIdStrategy = (typeof deviceIdStrategies)[number];

export interface AllocationRules {
  deviceListStrategy: readonly DeviceListStrategy[];
  deviceIdStrategy: DeviceIdStrategy;
  /** `vendor.example/class` of the CDI devices. */
  cdiKind: string;
}

/** The variable that NVIDIA's runtime reads, and programs in containers. */
const visibleDevices = 'NVIDIA_VISIBLE_DEVICES';
/** A list by mounts: the name of each mount is a device. */
const mountsDirectory = '/var/run/nvidia-container-devices';

/** Whether devices come by CDI: then the runtime makes them from the specification, and they must not come twice. */
export function usesCdi({ deviceListStrategy }: Pick<AllocationRules, 'deviceListStrategy'>): boolean {
  return deviceListStrategy.some((strategy) => strategy.startsWith('cdi-'));
}

/** What a container gets for these units, which may have some twice. */
export function allocationOf(given: readonly Unit[], rules: AllocationRules, files: AllocationFiles): DeviceAllocation {
  const units = [...new Map(given.map((unit) => [unit.id, unit])).values()];
  if (units.length === 0) return {};
  const names = units.map((unit) => (rules.deviceIdStrategy === 'uuid' ? uuidOf(unit) : undefined) ?? indexOf(unit));
  const byMounts = rules.deviceListStrategy.includes('volume-mounts');
  const listed = byMounts || rules.deviceListStrategy.includes('envvar');
  return {
    envs: listed ? { [visibleDevices]: byMounts ? mountsDirectory : names.join(',') } : {},
    mounts: [...(byMounts ? names.map(listMount) : []), ...(usesCdi(rules) ? [] : files.mounts)],
    devices: usesCdi(rules) ? [] : distinct([...files.control, ...units.flatMap((unit) => files.ofUnit(unit))]),
    ...cdiAllocation(units, rules),
  };
}

function cdiAllocation(units: readonly Unit[], { deviceListStrategy, cdiKind }: AllocationRules): DeviceAllocation {
  const devices = units.map((unit) => `${cdiKind}=${cdiNameOf(unit)}`);
  return {
    ...(deviceListStrategy.includes('cdi-annotations') && { annotations: { [annotationOf(devices)]: devices.join(',') } }),
    ...(deviceListStrategy.includes('cdi-cri') && { cdiDevices: devices }),
  };
}

/** One name for the same devices, another for others: a container may have devices of several resources (CDI's SPEC.md, "Kubernetes annotations"). */
function annotationOf(devices: readonly string[]): string {
  return `cdi.k8s.io/berth-device-gpu_${createHash('sha256').update(devices.join()).digest('hex').slice(0, 32)}`;
}

/** Undefined as long as nobody knows it. */
function uuidOf({ gpu, mig }: Unit): string | undefined {
  return (mig ?? gpu).uuid;
}

/** `0`, or `0:1` for the second MIG device of the first GPU. */
function indexOf({ gpu, mig }: Unit): string {
  return mig === undefined ? String(gpu.index) : `${gpu.index}:${mig.index}`;
}

function listMount(name: string): { hostPath: string; containerPath: string; readOnly: true } {
  return { hostPath: '/dev/null', containerPath: `${mountsDirectory}/${name}`, readOnly: true };
}

function distinct(devices: readonly ContainerDevice[]): ContainerDevice[] {
  return [...new Map(devices.map((device) => [device.containerPath, device])).values()];
}
