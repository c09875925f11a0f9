import { isDeepStrictEqual } from 'node:util';
import type { Pod, PodStatus } from '@berth/api/objects';
import type { Logger } from 'pino';
import type { ActionContext } from '../actions/action-context.ts';
import { removeLogs } from '../actions/remove-logs.ts';
import type { Clock } from '../clock.ts';
import type { ContainerStarts } from '../metrics/container-starts.ts';
import type { BackOff } from '../plan/back-off.ts';
import { type Plan, plan } from '../plan.ts';
import type { PodProbes } from '../probes/pod-probes.ts';
import type { ResizeAdmission } from '../resize/resize-admission.ts';
import { ResizedResources } from '../resize/resized-resources.ts';
import { Attempts } from './attempts.ts';
import { PodActions } from './pod-actions.ts';
import { PodObservation } from './pod-observation.ts';
import type { PodState } from './pod-state.ts';
import { tellWaits } from './tell-waits.ts';

export interface PodSyncOptions {
  /** Everything that actions need: the pod, and the runtime that it is for. */
  context: ActionContext;
  admitResize: ResizeAdmission;
  backOff: BackOff;
  clock: Clock;
  log: Logger;
  /** Called when the status of the pod, as it is by now, has changed. */
  onStatus(pod: Pod, status: PodStatus): void;
}

/** More rounds than this without a pause and something is wrong: the pod waits as after a failure. */
const roundsWithoutPause = 100;

/** Brings a pod to where it should be: looks at the runtime, asks the planner, carries out, and asks again until nothing is left to do. */
export class PodSync {
  readonly #state: PodState;
  readonly #options: PodSyncOptions;
  readonly #observation: PodObservation;
  readonly #actions: PodActions;

  constructor(state: PodState, options: PodSyncOptions, { probes, starts }: { probes: PodProbes; starts: ContainerStarts }) {
    const { context, admitResize, clock, log } = options;
    const { pod, client, directories, events } = context;
    this.#state = state;
    this.#options = options;
    const attempts = new Attempts(state, { ...options, events });
    const resources = new ResizedResources(admitResize, directories.podDirectory(pod));
    this.#observation = new PodObservation(state, { client, attempts, resources, probes, clock });
    this.#actions = new PodActions(state, { context, attempts, resources, starts, clock, log });
  }

  /** Since when the runtime hasn't answered; undefined: it has. */
  get unseenSince(): Date | undefined {
    return this.#observation.unseenSince;
  }

  /** Until nothing is left to do or `signal` aborts. Gives when to come again although nothing happens; undefined: never. */
  async run(signal: AbortSignal): Promise<Date | undefined> {
    const { clock, backOff, log } = this.#options;
    for (let rounds = 0; rounds < roundsWithoutPause; rounds++) {
      await this.#observation.observe(signal);
      if (signal.aborted) return undefined;
      const { finished, actions, wakeAt } = this.planAndTell();
      if (finished) await this.#finish();
      if (actions.length === 0) return wakeAt;
      for (const action of actions) {
        if (signal.aborted) return undefined;
        await this.#actions.carryOut(action, signal);
      }
    }
    log.error({ rounds: roundsWithoutPause }, 'the plan comes to no end');
    return new Date(clock.now().getTime() + backOff.syncErrorMs);
  }

  /** Asks the planner, and tells the status that it gives. */
  planAndTell(): Plan {
    const { clock, backOff } = this.#options;
    const { observed, allocated } = this.#state;
    const planned = plan(allocated, observed, clock.now(), backOff);
    this.#tell(planned);
    return planned;
  }

  /** Events for what the pod waits for, and the status to those who want to know, where it isn't what was told last. */
  #tell({ status, trouble }: Plan): void {
    const { context, onStatus } = this.#options;
    const { observed, pod } = this.#state;
    const before = observed.previous;
    observed.previous = status;
    this.#state.trouble = trouble;
    tellWaits(context.events, pod, before, status);
    if (!isDeepStrictEqual(before, status)) onStatus(pod, status);
  }

  async #finish(): Promise<void> {
    const { context, log } = this.#options;
    await removeLogs({ ...context, pod: this.#state.allocated }).catch((thrown: unknown) => {
      // A name that stays taken is worse than logs that stay.
      log.warn({ err: thrown }, 'the logs of the pod, which has ended, could not be removed');
    });
    this.#state.finished = true;
  }
}
