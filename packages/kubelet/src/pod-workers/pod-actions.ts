import type { Logger } from 'pino';
import type { ActionContext } from '../actions/action-context.ts';
import { allocateDevices } from '../actions/allocate-devices.ts';
import { checkImage } from '../actions/check-image.ts';
import { type Change, perform } from '../actions/perform.ts';
import type { Clock } from '../clock.ts';
import type { ContainerStarts } from '../metrics/container-starts.ts';
import { countStart } from '../metrics/count-action.ts';
import type { Action } from '../plan/action.ts';
import { failureOf } from '../plan/back-off.ts';
import type { ResizedResources } from '../resize/resized-resources.ts';
import type { Attempts } from './attempts.ts';
import { rememberStart, rememberSuccess } from './observed-changes.ts';
import { patientSignal } from './patient-signal.ts';
import type { PodState } from './pod-state.ts';

interface PodActionsOptions {
  /** Its pod is the one that the worker was made for. */
  context: ActionContext;
  attempts: Attempts;
  resources: ResizedResources;
  starts: ContainerStarts;
  clock: Clock;
  log: Logger;
}

/** How long a sandbox that is being made is waited for when its pod is to end. */
const sandboxPatienceMs = 5000;

/** Carries out what the planner says, and remembers what came of it. */
export class PodActions {
  readonly #state: PodState;
  readonly #options: PodActionsOptions;

  constructor(state: PodState, options: PodActionsOptions) {
    this.#state = state;
    this.#options = options;
  }

  /** Never throws: what failed is the planner's to know. */
  async carryOut(action: Action, signal: AbortSignal): Promise<void> {
    const { attempts, log } = this.#options;
    log.debug({ action }, 'action');
    this.#begun(action);
    await attempts.try(action, signal, async () => {
      await this.#do(action, signal);
      rememberSuccess(this.#state.observed, action);
    });
    this.#ended(action, signal);
  }

  /** With the resources that the pod has been given by now. */
  get #context(): ActionContext {
    return { ...this.#options.context, pod: this.#state.allocated };
  }

  #begun(action: Action): void {
    const { observed } = this.#state;
    // A change that comes while the volumes are brought up to date asks for another round.
    if (action.kind === 'refresh-volumes') observed.volumesStale = false;
    if (action.kind === 'stop-containers' && action.podEnds) observed.endingSince ??= this.#options.clock.now();
  }

  async #do(action: Action, signal: AbortSignal): Promise<void> {
    if (action.kind === 'check-image') return this.#checkImage(action.image, signal);
    if (action.kind === 'allocate-devices') return this.#allocateDevices(signal);
    if (action.kind === 'run-sandbox') return this.#runSandbox(action, signal);
    await perform(this.#context, action, signal);
    if (action.kind === 'resize-container') await this.#options.resources.resized(action.containerId, action.resources);
  }

  #ended(action: Action, signal: AbortSignal): void {
    const { observed, pod } = this.#state;
    const failure = failureOf(observed, action);
    if (!signal.aborted) countStart(this.#options.starts, pod, action, failure?.reason);
    if (action.kind === 'refresh-volumes' && failure) observed.volumesStale = true;
    if (action.kind === 'start-container') rememberStart(observed, pod, action, this.#options.clock.now());
  }

  /** A sandbox that came up after its pod's end would be left over: even if the pod is to end, the answer is waited for. */
  async #runSandbox(action: Change, signal: AbortSignal): Promise<void> {
    const patient = patientSignal(signal, sandboxPatienceMs, this.#options.clock);
    await perform(this.#context, action, patient.signal).finally(patient.release);
  }

  async #allocateDevices(signal: AbortSignal): Promise<void> {
    const refusal = await allocateDevices(this.#context, signal);
    const { observed } = this.#state;
    if (refusal) observed.refusal = refusal;
    observed.devicesPending = false;
  }

  async #checkImage(image: string, signal: AbortSignal): Promise<void> {
    const found = await checkImage(this.#context, image, signal);
    this.#state.observed.images[image] = { present: found !== undefined, checkedAt: this.#options.clock.now() };
  }
}
