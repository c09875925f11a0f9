import { replicaIds } from '@berth/sdk/device/replicas';
import type { Gpu, MigDevice } from '../discovery/gpu.ts';

/** How MIG devices are offered, as NVIDIA's plugin names it. */
export const migStrategies = ['none', 'single', 'mixed'] as const;
type MigStrategy = (typeof migStrategies)[number];

/** What a container can be given: a GPU, or a MIG device of one. */
export interface Unit {
  readonly id: string;
  readonly gpu: Gpu;
  readonly mig: MigDevice | undefined;
}

/** One device of a resource, as the kubelet counts it. */
interface ResourceDevice {
  /** The unit's id, with `::N` behind it where several share the unit. */
  readonly id: string;
  readonly unit: Unit;
}

/** A resource that pods can request. */
export interface Resource {
  readonly name: string;
  /** Whether several share each unit, by time-slicing. */
  readonly shared: boolean;
  readonly devices: readonly ResourceDevice[];
}

export interface ResourceRules {
  /** Of whole GPUs: `nvidia.com/gpu`. Its domain is that of the others, too. */
  resourceName: string;
  migStrategy: MigStrategy;
  /** How many share each unit of a resource. */
  replicasOf(resourceName: string): number;
  /** Whether resources that are shared are called otherwise: `nvidia.com/gpu.shared`. */
  renameShared: boolean;
}

/** What pods can request, and what can't be offered and why. */
export interface Offer {
  resources: readonly Resource[];
  problems: readonly string[];
}

/** Which resources there are of these GPUs. */
export function offerOf(gpus: readonly Gpu[], rules: ResourceRules): Offer {
  const problems: string[] = [];
  const units = unitsByResource(gpus, rules, problems);
  return { resources: [...units].map(([name, ofName]) => resourceOf(name, ofName, rules)), problems };
}

function resourceOf(plainName: string, units: readonly Unit[], { replicasOf, renameShared }: ResourceRules): Resource {
  const replicas = replicasOf(plainName);
  const shared = replicas > 1;
  return {
    name: shared && renameShared ? `${plainName}.shared` : plainName,
    shared,
    devices: units.flatMap((unit) => replicaIds(unit.id, replicas).map((id) => ({ id, unit }))),
  };
}

function unitsByResource(gpus: readonly Gpu[], rules: ResourceRules, problems: string[]): Map<string, Unit[]> {
  const { resourceName, migStrategy } = rules;
  if (gpus.length === 0) return new Map();
  if (migStrategy === 'none') return new Map([[resourceName, gpus.map(wholeGpu)]]);
  if (migStrategy === 'single') return new Map([[resourceName, singleUnits(gpus, problems)]]);
  const units = new Map<string, Unit[]>();
  for (const gpu of gpus) {
    for (const unit of gpu.migEnabled ? migUnits(gpu) : [wholeGpu(gpu)]) {
      const name = nameOf(unit, resourceName);
      if (name === undefined)
        problems.push(`MIG device ${unit.id} is not offered: nobody tells its profile; give --mig-profile, or use NVML`);
      else units.set(name, [...(units.get(name) ?? []), unit]);
    }
  }
  return units;
}

/** MIG devices in the place of GPUs: all of them must be of one kind, since pods can't tell them apart. */
function singleUnits(gpus: readonly Gpu[], problems: string[]): Unit[] {
  const inMigMode = gpus.filter(({ migEnabled }) => migEnabled);
  if (inMigMode.length === 0) return gpus.map(wholeGpu);
  const profiles = new Set(inMigMode.flatMap(({ migDevices }) => migDevices.map(({ profile }) => profile)));
  const problem =
    inMigMode.length < gpus.length
      ? `${gpus.length - inMigMode.length} of ${gpus.length} GPUs aren't in MIG mode`
      : profiles.size > 1
        ? `there are MIG devices of the profiles ${[...profiles].join(', ')}`
        : undefined;
  if (problem === undefined) return inMigMode.flatMap(migUnits);
  problems.push(`the MIG strategy single offers nothing: ${problem}; make all GPUs alike, or choose --mig-strategy=mixed`);
  return [];
}

function wholeGpu(gpu: Gpu): Unit {
  return { id: gpu.id, gpu, mig: undefined };
}

function migUnits(gpu: Gpu): Unit[] {
  return gpu.migDevices.map((mig) => ({ id: mig.id, gpu, mig }));
}

/** `nvidia.com/mig-1g.5gb`; the `+` of `1g.5gb+me` can't stand in a resource's name. */
function nameOf({ mig }: Unit, resourceName: string): string | undefined {
  if (mig === undefined) return resourceName;
  const [domain] = resourceName.split('/');
  return mig.profile === undefined ? undefined : `${domain}/mig-${mig.profile.replaceAll('+', '.')}`;
}
