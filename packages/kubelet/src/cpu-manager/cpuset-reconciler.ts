import type { Pod } from '@berth/api/objects';
import { LinuxContainerResources, UpdateContainerResourcesRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { allStatuses, fullNameOf } from '../pod.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { Wake } from '../wake.ts';

interface CpusetReconcilerOptions {
  cpuManagerReconcilePeriodMs: number;
  clock: Clock;
  log: Logger;
  /** The pods of the node with their status. */
  pods(): Pod[];
  runtime(handler: string): RuntimeClient;
  /** The CPUs of a container as a list; empty: any. */
  cpusOf(pod: Pod, container: string): string;
  /** Called before each round. */
  releaseEnded(): void;
}

/** Holds running containers to their CPUs: the shared ones change with every pod that gets CPUs for itself or gives them back. */
export class CpusetReconciler {
  readonly #options: CpusetReconcilerOptions;
  readonly #wake: Wake;
  /** What each running container was held to last, by its id. */
  #held = new Map<string, string>();

  constructor(options: CpusetReconcilerOptions) {
    this.#options = options;
    this.#wake = new Wake(options.clock);
  }

  /** Something has changed hands: looks at once. */
  notify(): void {
    this.#wake.ring();
  }

  /** Runs until `signal` aborts; doesn't throw. */
  async run(signal: AbortSignal): Promise<void> {
    const ring = () => this.#wake.ring();
    signal.addEventListener('abort', ring);
    while (!signal.aborted) {
      await this.#reconcile(signal);
      this.#wake.at(new Date(this.#options.clock.now().getTime() + this.#options.cpuManagerReconcilePeriodMs));
      if (!signal.aborted) await this.#wake.wait();
    }
    this.#wake.cancel();
    signal.removeEventListener('abort', ring);
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    this.#options.releaseEnded();
    const held = new Map<string, string>();
    for (const { pod, name, handler, id } of this.#running()) {
      const cpus = this.#options.cpusOf(pod, name);
      const before = this.#held.get(id);
      const done = cpus === '' || cpus === before || (await this.#hold(pod, { name, handler, id }, cpus, signal));
      if (done) held.set(id, cpus);
    }
    this.#held = held;
  }

  /** Whether the runtime did it; if not, the next round tries again. */
  async #hold(pod: Pod, { name, handler, id }: RunningContainer, cpusetCpus: string, signal: AbortSignal): Promise<boolean> {
    const linux = LinuxContainerResources.create({ cpusetCpus });
    try {
      const { runtime } = this.#options.runtime(handler);
      await runtime.updateContainerResources(UpdateContainerResourcesRequest.create({ containerId: id, linux }), { signal });
      return true;
    } catch (thrown) {
      if (signal.aborted) return false;
      const { message } = PluginError.from(thrown);
      this.#options.log.warn({ pod: fullNameOf(pod), container: name, cpusetCpus }, `the container's CPUs can't be set: ${message}`);
      return false;
    }
  }

  #running(): (RunningContainer & { pod: Pod })[] {
    return this.#options.pods().flatMap((pod) =>
      allStatuses(pod.status).flatMap(({ name, state, containerID }) => {
        const [handler, id] = containerID?.split('://') ?? [];
        return state?.running && handler && id ? [{ pod, name, handler, id }] : [];
      }),
    );
  }
}

interface RunningContainer {
  name: string;
  handler: string;
  id: string;
}
