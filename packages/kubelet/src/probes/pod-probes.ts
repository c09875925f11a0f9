import type { Container, Pod } from '@berth/api/objects';
import { currentSandbox, toldStatus } from '../plan/instances.ts';
import type { ContainerInstance, ObservedPod, ProbeVerdict } from '../plan/observed-pod.ts';
import { findContainer, isInitContainer } from '../pod.ts';
import type { InstanceProbes, ProbeAnswer } from './instance-probes.ts';

type MakeProbes = (pod: Pod, container: Container, instance: ContainerInstance, told: ProbeVerdict | undefined) => InstanceProbes;

/** The probes of one pod: those of each container instance that runs now. */
export class PodProbes {
  readonly #make: MakeProbes;
  readonly #byInstance = new Map<string, InstanceProbes>();

  constructor(make: MakeProbes) {
    this.#make = make;
  }

  /** What the probes have found, for ObservedPod.probes. */
  get verdicts(): Record<string, ProbeVerdict> {
    return Object.fromEntries([...this.#byInstance].map(([id, probes]) => [id, probes.verdict]));
  }

  /** How each probe came out the last time that it ran. */
  get answers(): ProbeAnswer[] {
    return [...this.#byInstance.values()].flatMap((probes) => probes.answers);
  }

  /** Begins with what runs now, and ends with what doesn't any more. */
  follow(pod: Pod, observed: ObservedPod): void {
    const running = probed(pod, observed);
    const ids = new Set(running.map(({ instance }) => instance.id));
    for (const [id, probes] of this.#byInstance) if (!ids.has(id)) this.#end(id, probes);
    for (const { container, instance } of running) if (!this.#byInstance.has(instance.id)) this.#begin(pod, container, instance, observed);
    if (observed.deletion) for (const probes of this.#byInstance.values()) probes.stopRestarting();
  }

  stop(): void {
    for (const [id, probes] of this.#byInstance) this.#end(id, probes);
  }

  #begin(pod: Pod, container: Container, instance: ContainerInstance, observed: ObservedPod): void {
    const status = toldStatus(observed, container.name);
    const isThis = status?.state?.running && status.containerID?.endsWith(`://${instance.id}`);
    const probes = this.#make(pod, container, instance, isThis ? { started: status.started ?? false, ready: status.ready } : undefined);
    this.#byInstance.set(instance.id, probes);
    probes.start();
  }

  #end(id: string, probes: InstanceProbes): void {
    probes.stop();
    this.#byInstance.delete(id);
  }
}

/** The running instances that have something to ask. */
function probed(pod: Pod, observed: ObservedPod): { container: Container; instance: ContainerInstance }[] {
  const sandbox = currentSandbox(observed);
  return observed.containers.flatMap((instance) => {
    const container = findContainer(pod, instance.name);
    if (!container || instance.state !== 'running' || instance.sandboxId !== sandbox?.id) return [];
    return hasProbes(pod, container) ? [{ container, instance }] : [];
  });
}

function hasProbes(pod: Pod, container: Container): boolean {
  if (isInitContainer(pod, container) && container.restartPolicy !== 'Always') return false;
  return Boolean(container.startupProbe ?? container.livenessProbe ?? container.readinessProbe);
}
