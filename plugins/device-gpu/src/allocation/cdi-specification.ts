import type { Unit } from '../resources/resources.ts';
import type { AllocationFiles, ContainerDevice } from './allocation-files.ts';

/** The first version with `hostPath` of devices (container-device-interface, SPEC.md). */
const cdiVersion = '0.5.0';

/** A CDI specification, as it is written. */
export interface CdiSpecification {
  cdiVersion: string;
  kind: string;
  devices: { name: string; containerEdits: ContainerEdits }[];
  containerEdits: ContainerEdits;
}

interface ContainerEdits {
  env?: string[];
  deviceNodes?: { path: string; hostPath: string; permissions: string }[];
  mounts?: { hostPath: string; containerPath: string; options: string[] }[];
}

/** A unit's name in CDI: its id, which has a character in MIG's old form that CDI doesn't allow. */
export function cdiNameOf({ id }: Unit): string {
  return id.replaceAll('/', '_');
}

/** What a runtime has to do for each of the units, and once for a container that has any. */
export function cdiSpecification(kind: string, units: readonly Unit[], files: AllocationFiles): CdiSpecification {
  return {
    cdiVersion,
    kind,
    devices: units.map((unit) => ({ name: cdiNameOf(unit), containerEdits: { deviceNodes: files.ofUnit(unit).map(nodeOf) } })),
    containerEdits: {
      // NVIDIA's own runtime would add the devices of an image's variable once more.
      env: ['NVIDIA_VISIBLE_DEVICES=void'],
      deviceNodes: files.control.map(nodeOf),
      mounts: files.mounts.map(({ hostPath, containerPath }) => ({ hostPath, containerPath, options: ['ro', 'nosuid', 'nodev', 'bind'] })),
    },
  };
}

/** Whether a specification has all units; one made by another's tool may call them otherwise. */
export function hasUnits(specification: unknown, kind: string, units: readonly Unit[]): boolean {
  const { kind: found, devices } = (specification ?? {}) as Partial<CdiSpecification>;
  const names = new Set(Array.isArray(devices) ? devices.map((device) => device?.name) : []);
  return found === kind && units.every((unit) => names.has(cdiNameOf(unit)));
}

function nodeOf({ hostPath, containerPath }: ContainerDevice): { path: string; hostPath: string; permissions: string } {
  return { path: containerPath, hostPath, permissions: 'rw' };
}
