import type { DeviceAllocation, DeviceDescription, PreferenceRequest } from '@berth/sdk/device';
import { notInOrder } from '@berth/sdk/device/not-in-order';
import { PluginError } from '@berth/sdk/errors';
import { type AllocationRules, allocationOf } from './allocation/allocation.ts';
import type { AllocationFiles } from './allocation/allocation-files.ts';
import type { Settings } from './configuration.ts';
import type { Snapshot } from './gpu-watch.ts';
import { prefer } from './preference/prefer.ts';
import { type Offer, offerOf, type Resource, type ResourceRules, type Unit } from './resources/resources.ts';

/** What there is at one moment, as resources that pods can request. */
export class OfferedGpus {
  readonly snapshot: Snapshot;
  readonly offer: Offer;
  readonly #settings: Settings;

  constructor(snapshot: Snapshot, settings: Settings) {
    this.snapshot = snapshot;
    this.offer = offerOf(snapshot.gpus, resourceRules(settings));
    this.#settings = settings;
  }

  /** All that containers can be given. */
  get units(): Unit[] {
    const units = this.offer.resources.flatMap(({ devices }) => devices.map(({ unit }) => unit));
    return [...new Map(units.map((unit) => [unit.id, unit])).values()];
  }

  /** A resource's devices; none where it is offered no longer. */
  describe(name: string): DeviceDescription[] {
    return (this.#resource(name)?.devices ?? []).map(({ id, unit }) => ({
      id,
      healthy: !this.snapshot.problems.has(unit.id),
      numaNodes: unit.gpu.numaNode === undefined ? [] : [unit.gpu.numaNode],
    }));
  }

  /** What a container with these devices gets. Throws FAILED_PRECONDITION for one that isn't in order, or gone. */
  allocate(name: string, ids: readonly string[], rules: AllocationRules, files: AllocationFiles): DeviceAllocation {
    const resource = this.#resource(name);
    if (resource?.shared && this.#settings.failRequestsGreaterThanOne && ids.length > 1) {
      throw new PluginError(
        'INVALID_ARGUMENT',
        `${ids.length} are requested of a resource that is shared, where more than one gives no more time`,
        {
          object: `resource ${name}`,
          hint: 'request one, or leave failRequestsGreaterThanOne out',
        },
      );
    }
    return allocationOf(
      ids.map((id) => this.#unitInOrder(resource, id)),
      rules,
      files,
    );
  }

  prefer(name: string, request: PreferenceRequest): string[] {
    const resource = this.#resource(name);
    return resource === undefined ? [] : prefer(resource, request, this.snapshot.links, this.#settings.sharingPolicy);
  }

  #unitInOrder(resource: Resource | undefined, id: string): Unit {
    const unit = resource?.devices.find((device) => device.id === id)?.unit;
    const problem = unit && this.snapshot.problems.get(unit.id);
    if (unit !== undefined && problem === undefined) return unit;
    throw notInOrder(id, problem ?? 'it is gone');
  }

  #resource(name: string): Resource | undefined {
    return this.offer.resources.find((resource) => resource.name === name);
  }
}

/** By which rules GPUs become resources. */
function resourceRules({ resourceName, migStrategy, replicas, replicasPerResource, renameShared }: Settings): ResourceRules {
  return { resourceName, migStrategy, renameShared, replicasOf: (name) => replicasPerResource[name] ?? replicas };
}

/** By which rules containers get their devices. CDI devices of this plugin are told from those of `nvidia-ctk`, which would have the same names. */
export function allocationRules({ deviceListStrategy, deviceIdStrategy, resourceName }: Settings): AllocationRules {
  const [domain] = resourceName.split('/');
  return { deviceListStrategy, deviceIdStrategy, cdiKind: `k8s.device-plugin.${domain}/gpu` };
}
