import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, Pod, ResourceRequirements } from '@berth/api/objects';
import { changedAmounts } from '../plan/amounts.ts';
import type { ContainerInstance, ResizeRefusal } from '../plan/observed-pod.ts';
import { resourceContainers, specOf } from '../pod.ts';
import type { ResizeAdmission } from './resize-admission.ts';

/** A pod as the planner is to see it. */
interface ResourceView {
  /** With the resources that its containers have been given, which may be other ones than they ask for by now. */
  pod: Pod;
  /** Each with the resources that it may use by now. */
  containers: ContainerInstance[];
  pendingResize: ResizeRefusal | undefined;
}

const fileName = 'resources.json';

/**
 * What a pod's containers ask for, have been given, and may use. What they are given changes only when the node admits it; what one may use
 * is noted in a file in the pod's directory when it has been changed in place, since the runtime can't tell it after a restart.
 */
export class ResizedResources {
  readonly #admit: ResizeAdmission;
  readonly #directory: string;
  /** By container. Undefined until the pod's instances have been seen. */
  #given: Map<string, ResourceRequirements> | undefined;
  /** By id of the instance. */
  #changed: Record<string, ResourceRequirements> | undefined;
  /** The pod that never gets what it asks for, and why. */
  #infeasible: { pod: Pod; refusal: ResizeRefusal } | undefined;

  constructor(admit: ResizeAdmission, directory: string) {
    this.#admit = admit;
    this.#directory = directory;
  }

  /** Looks at the pod as its source has it, and at its instances. */
  async follow(pod: Pod, instances: ContainerInstance[]): Promise<ResourceView> {
    this.#changed ??= await this.#read();
    const changed = this.#changed;
    const containers = instances.map((each) => ({ ...each, ...(changed[each.id] && { resources: changed[each.id] }) }));
    this.#given ??= new Map(
      resourceContainers(pod).map(({ name, resources = {} }) => [
        name,
        containers.find((each) => each.name === name && each.state !== 'exited')?.resources ?? resources,
      ]),
    );
    const pendingResize = this.#decide(pod, this.#given);
    return { pod: pendingResize ? withResources(pod, this.#given) : pod, containers, pendingResize };
  }

  /** An instance has been given other resources in place. */
  async resized(containerId: string, resources: ResourceRequirements): Promise<void> {
    this.#changed = { ...this.#changed, [containerId]: resources };
    const path = join(this.#directory, fileName);
    await mkdir(this.#directory, { recursive: true, mode: 0o750 });
    await writeFile(`${path}.new`, JSON.stringify(this.#changed));
    await rename(`${path}.new`, path);
  }

  #decide(pod: Pod, given: Map<string, ResourceRequirements>): ResizeRefusal | undefined {
    if (resourceContainers(pod).every(({ name, resources }) => changedAmounts(given.get(name), resources).length === 0)) return undefined;
    if (this.#infeasible?.pod === pod) return this.#infeasible.refusal;
    const refusal = this.#admit(pod);
    if (refusal?.reason === 'Infeasible') this.#infeasible = { pod, refusal };
    if (!refusal) for (const { name, resources = {} } of resourceContainers(pod)) given.set(name, resources);
    return refusal;
  }

  async #read(): Promise<Record<string, ResourceRequirements>> {
    try {
      return JSON.parse(await readFile(join(this.#directory, fileName), 'utf8')) as Record<string, ResourceRequirements>;
    } catch {
      // Without the file, or with a broken one, a resize that was done is done again.
      return {};
    }
  }
}

function withResources(pod: Pod, given: Map<string, ResourceRequirements>): Pod {
  const { initContainers, containers } = specOf(pod);
  const had = (container: Container) => ({ ...container, resources: given.get(container.name) ?? container.resources });
  return {
    ...pod,
    spec: { ...pod.spec, containers: containers.map(had), ...(initContainers && { initContainers: initContainers.map(had) }) },
  };
}
