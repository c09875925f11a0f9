import {
  type Container,
  ContainerState,
  type ContainerStats,
  ListContainerStatsRequest,
  ListContainersRequest,
  ListPodSandboxRequest,
  ListPodSandboxStatsRequest,
  type PodSandbox,
  PodSandboxState,
  type PodSandboxStats,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { podUidLabel } from '../cri/labels.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';

/** What one runtime says of its pods. */
export interface RuntimeFigures {
  sandboxes: PodSandbox[];
  /** Running ones. */
  containers: Container[];
  /** By sandbox; empty where the runtime tells containers' figures only. */
  ofSandbox: Map<string, PodSandboxStats>;
  /** By container. */
  ofContainer: Map<string, ContainerStats>;
}

/** The longest that a runtime may take to tell its figures: Prometheus waits 10 s for all runtimes together, unless it is told otherwise. */
export const figuresDeadlineMs = 4_000;

/** Asks one runtime for figures: for those of pods where it tells them, else for those of containers. */
export class RuntimeFiguresReader {
  readonly #client: RuntimeClient;
  #tellsPods = true;

  constructor(client: RuntimeClient) {
    this.#client = client;
  }

  get handler(): string {
    return this.#client.handler;
  }

  get client(): RuntimeClient {
    return this.#client;
  }

  /** A runtime that isn't started has no pods. */
  async read(signal: AbortSignal): Promise<RuntimeFigures> {
    if (this.#client.onDemand?.started === false) return { sandboxes: [], containers: [], ofSandbox: new Map(), ofContainer: new Map() };
    const { runtime } = this.#client;
    const options = { signal, deadlineMs: figuresDeadlineMs };
    const ready = ListPodSandboxRequest.create({ filter: { id: '', labelSelector: {}, state: { state: PodSandboxState.SANDBOX_READY } } });
    const running = { id: '', podSandboxId: '', labelSelector: {}, state: { state: ContainerState.CONTAINER_RUNNING } };
    const [{ items }, { containers }, ofSandbox] = await Promise.all([
      runtime.listPodSandbox(ready, options),
      runtime.listContainers(ListContainersRequest.create({ filter: running }), options),
      this.#podFigures(signal),
    ]);
    const told = [...(ofSandbox?.values() ?? [])].flatMap(({ linux }) => linux?.containers ?? []);
    const wanted = told.length === 0 && containers.length > 0 && ofSandbox !== undefined;
    const stats = wanted ? await this.#containerFigures(signal) : told;
    return {
      sandboxes: items.filter(({ state, labels }) => state === PodSandboxState.SANDBOX_READY && labels[podUidLabel]),
      containers: containers.filter(({ state }) => state === ContainerState.CONTAINER_RUNNING),
      ofSandbox: ofSandbox ?? new Map(),
      ofContainer: new Map(stats.map((each) => [each.attributes?.id ?? '', each])),
    };
  }

  /** Undefined where it took too long. One that refuses once is asked again; one that doesn't know the call isn't. */
  async #podFigures(signal: AbortSignal): Promise<Map<string, PodSandboxStats> | undefined> {
    if (!this.#tellsPods) return new Map();
    try {
      const { stats } = await this.#client.runtime.listPodSandboxStats(ListPodSandboxStatsRequest.create(), {
        signal,
        deadlineMs: figuresDeadlineMs,
      });
      return new Map(stats.map((each) => [each.attributes?.id ?? '', each]));
    } catch (thrown) {
      signal.throwIfAborted();
      const { code } = PluginError.from(thrown);
      if (code === 'UNIMPLEMENTED') this.#tellsPods = false;
      return code === 'DEADLINE_EXCEEDED' ? undefined : new Map();
    }
  }

  async #containerFigures(signal: AbortSignal): Promise<ContainerStats[]> {
    const answer = this.#client.runtime.listContainerStats(ListContainerStatsRequest.create(), { signal, deadlineMs: figuresDeadlineMs });
    // A runtime without figures still has pods, whose cgroups tell.
    return answer.then(
      ({ stats }) => stats,
      () => {
        signal.throwIfAborted();
        return [];
      },
    );
  }
}
