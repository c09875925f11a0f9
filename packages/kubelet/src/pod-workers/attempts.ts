import type { Logger } from 'pino';
import { ActionFailure } from '../actions/action-failure.ts';
import type { Clock } from '../clock.ts';
import type { BackOff } from '../plan/back-off.ts';
import { type Fallible, failureKey } from '../plan/failure-key.ts';
import { nameOf } from '../pod.ts';
import type { PodEvents } from '../pod-events.ts';
import { stableMessage } from '../stable-message.ts';
import { rememberFailure } from './observed-changes.ts';
import type { PodState } from './pod-state.ts';

interface AttemptsOptions {
  events: PodEvents;
  backOff: BackOff;
  clock: Clock;
  log: Logger;
}

/** Tries the steps of a pod's life: how one failed is remembered for the planner, and told. */
export class Attempts {
  readonly #state: PodState;
  readonly #options: AttemptsOptions;

  constructor(state: PodState, options: AttemptsOptions) {
    this.#state = state;
    this.#options = options;
  }

  /** Runs a step; what it throws once `signal` is aborted was given up, and is no failure. */
  async try(fallible: Fallible, signal: AbortSignal, step: () => Promise<void>): Promise<void> {
    try {
      await step();
      delete this.#state.observed.failures[failureKey(fallible)];
    } catch (thrown) {
      if (!signal.aborted) this.#failed(fallible, thrown);
    }
  }

  #failed(fallible: Fallible, thrown: unknown): void {
    const { backOff, clock, events, log } = this.#options;
    const { reason, message } = rememberFailure(this.#state.observed, fallible, thrown, clock.now(), backOff);
    log.warn({ reason, key: failureKey(fallible) }, message);
    if (thrown instanceof ActionFailure && thrown.recorded) return;
    const event = eventReason(reason);
    const stable = stableMessage(message, (id) => this.#nameOf(id, fallible));
    events.record(this.#state.pod, 'Warning', event, event === reason ? stable : `Error: ${reason}: ${stable}`);
  }

  /** What has this id: a container or sandbox of the pod, or the container that was to start. */
  #nameOf(id: string, fallible: Fallible): string {
    const { observed, pod } = this.#state;
    const known = observed.containers.find((instance) => instance.id === id)?.name;
    if (known !== undefined) return known;
    if (observed.sandboxes.some((sandbox) => sandbox.id === id)) return nameOf(pod);
    return fallible.kind === 'start-container' ? fallible.container : '<id>';
  }
}

/** Events have kubelet's few reasons; the details of a container's failure stand in their message. */
function eventReason(reason: string): string {
  return reason.startsWith('Failed') ? reason : reason === 'RuntimeUnavailable' ? 'FailedSync' : 'Failed';
}
