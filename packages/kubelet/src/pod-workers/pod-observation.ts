import { ActionFailure } from '../actions/action-failure.ts';
import type { Clock } from '../clock.ts';
import { failureOf } from '../plan/back-off.ts';
import { uidOf } from '../pod.ts';
import type { PodProbes } from '../probes/pod-probes.ts';
import type { ResizedResources } from '../resize/resized-resources.ts';
import { PodObserver } from '../runtime/observe-pod.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { Attempts } from './attempts.ts';
import { forgetGone } from './observed-changes.ts';
import type { PodState } from './pod-state.ts';

interface PodObservationOptions {
  client: RuntimeClient;
  attempts: Attempts;
  resources: ResizedResources;
  probes: PodProbes;
  clock: Clock;
}

/** Looks at what the runtime has of a pod, and lets the pod's resources and probes follow what it sees. */
export class PodObservation {
  readonly #state: PodState;
  readonly #options: PodObservationOptions;
  readonly #observer: PodObserver;
  #unseenSince: Date | undefined;

  constructor(state: PodState, options: PodObservationOptions) {
    this.#state = state;
    this.#options = options;
    this.#observer = new PodObserver(options.client, uidOf(state.pod));
  }

  /** Since when the runtime hasn't answered; undefined: it has. */
  get unseenSince(): Date | undefined {
    return this.#unseenSince;
  }

  /** Starts the runtime if it waits for that, and asks it. */
  async observe(signal: AbortSignal): Promise<void> {
    const { client, attempts, clock } = this.#options;
    await attempts.try({ kind: 'observe' }, signal, () =>
      ActionFailure.explain('RuntimeUnavailable', `runtime ${client.handler}`, async () => {
        await client.onDemand?.start(signal);
        await this.#take(signal);
      }),
    );
    this.#unseenSince = failureOf(this.#state.observed, { kind: 'observe' }) && (this.#unseenSince ?? clock.now());
  }

  async #take(signal: AbortSignal): Promise<void> {
    const { resources, probes } = this.#options;
    const { observed, pod: asked } = this.#state;
    const { sandboxes, containers: instances } = await this.#observer.observe(signal);
    const { pod, containers, pendingResize } = await resources.follow(asked, instances);
    Object.assign(observed, { sandboxes, containers, pendingResize });
    forgetGone(observed);
    this.#state.allocated = pod;
    probes.follow(pod, observed);
    observed.probes = probes.verdicts;
  }
}
