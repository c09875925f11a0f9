import { isDeepStrictEqual } from 'node:util';
import type { Pod, PodStatus } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { inTrace, newSpan, type TraceContext } from '@berth/sdk/trace-context';
import type { Logger } from 'pino';
import type { ActionContext } from './actions/action-context.ts';
import { ActionFailure } from './actions/action-failure.ts';
import { checkImage } from './actions/check-image.ts';
import { type Change, perform } from './actions/perform.ts';
import { removeLogs } from './actions/remove-logs.ts';
import type { PodMemory } from './checkpoint/pod-memory.ts';
import type { Clock } from './clock.ts';
import { countStart } from './metrics/count-action.ts';
import type { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import { patientSignal } from './patient-signal.ts';
import type { Action } from './plan/action.ts';
import { type BackOff, failureOf } from './plan/back-off.ts';
import { type Fallible, failureKey } from './plan/failure-key.ts';
import type { Eviction, ObservedPod } from './plan/observed-pod.ts';
import { type Plan, plan } from './plan.ts';
import { fullNameOf, gracePeriodOf, uidOf } from './pod.ts';
import { forgetRedefined, isSamePod } from './pod-change.ts';
import { forgetGone, rememberFailure, rememberStart, rememberSuccess, unseenPod } from './pod-memory.ts';
import type { ProbeAnswer } from './probes/instance-probes.ts';
import type { PodProbes, Probes } from './probes/pod-probes.ts';
import { PodResources } from './resize/pod-resources.ts';
import type { ResizeAdmission } from './resize/resize-admission.ts';
import { PodObserver } from './runtime/observe-pod.ts';
import { tellWaits } from './tell-waits.ts';
import { hasRefreshedVolumes } from './volumes/pod-volumes.ts';
import { Wake } from './wake.ts';

interface PodWorkerOptions {
  /** Everything that actions need: the pod, and the runtime that it is for. */
  context: ActionContext;
  probes: Probes;
  admitResize: ResizeAdmission;
  backOff: BackOff;
  clock: Clock;
  log: Logger;
  metrics: KubeletMetrics;
  hostIP?: string;
  refusal?: ObservedPod['refusal'];
  /** What a kubelet before this one knew of the pod. */
  restored?: PodMemory;
  /** Called when the status of the pod, as it is by now, has changed. */
  onStatus(pod: Pod, status: PodStatus): void;
}

/** More rounds than this without a pause and something is wrong: the worker waits as after a failure. */
const roundsWithoutPause = 100;
/** How long a runtime that isn't there is waited for when a pod in it is to end. */
const abandonAfterMs = 5000;
/** How long a sandbox that is being made is waited for when its pod is to end. */
const sandboxPatienceMs = 5000;

/**
 * One pod's life: look at the runtime, ask the planner, carry out, ask again; then sleep until something happens or the planner's hour
 * has come. All that is slow about a pod is in here, and nothing of another pod.
 */
export class PodWorker {
  /** All plugin calls of the pod's life are in this trace. */
  readonly trace: TraceContext = newSpan();
  readonly #options: PodWorkerOptions;
  readonly #resources: PodResources;
  /** As its source has it by now. */
  #pod: Pod;
  /** Its pod has the resources that it has been given. */
  #context: ActionContext;
  readonly #observer: PodObserver;
  readonly #probes: PodProbes;
  readonly #log: Logger;
  readonly #wake: Wake;
  readonly #halted = new AbortController();
  readonly #createdAt = performance.now();
  /** Aborted, and made anew, when the pod is to end: what was being done for its life is given up. */
  #sync = new AbortController();
  #observed: ObservedPod;
  #finished = false;
  readonly #abandoned = Promise.withResolvers<void>();
  /** Since when the runtime hasn't answered. */
  #unseenSince: Date | undefined;
  #terminatingSince: Date | undefined;
  #done: Promise<void> | undefined;

  constructor(options: PodWorkerOptions) {
    this.#options = options;
    this.#context = options.context;
    this.#pod = options.context.pod;
    this.#resources = new PodResources(options.admitResize, options.context.directories.podDirectory(this.#pod));
    this.#observer = new PodObserver(options.context.client, uidOf(options.context.pod));
    this.#log = options.log.child({ pod: fullNameOf(options.context.pod), uid: uidOf(options.context.pod) });
    this.#wake = new Wake(options.clock);
    this.#probes = options.probes.of(options.context.client, options.context.podIP, () => this.#probed());
    const { hostIP, refusal } = options;
    this.#observed = unseenPod(this.#pod, { handler: options.context.client.handler, hostIP, refusal });
    if (options.restored)
      Object.assign(this.#observed, options.restored.observed, { previous: options.restored.status ?? this.#observed.previous });
  }

  /** As its source has it by now. */
  get pod(): Pod {
    return this.#pod;
  }

  /** With the resources that its containers have been given; the pod may ask for others by now. */
  get allocated(): Pod {
    return this.#context.pod;
  }

  /** As it was told last. */
  get status(): PodStatus {
    return this.#observed.previous ?? { phase: 'Pending' };
  }

  /** What the planner knows of the pod; not to be changed. */
  get observed(): Readonly<ObservedPod> {
    return this.#observed;
  }

  /** How each probe came out the last time. */
  get answers(): ProbeAnswer[] {
    return this.#probes.answers;
  }

  /** Something has been made for the pod, now or by a kubelet before. */
  get begun(): boolean {
    return this.#observed.directories !== 'unknown' || this.#observed.sandboxes.length > 0;
  }

  /** The pod was admitted, and not all of its containers have ended for good: what it asked the node for is its own. */
  get active(): boolean {
    if (this.#observed.refusal || this.#finished) return false;
    return this.#stopping || !['Succeeded', 'Failed'].includes(this.status.phase ?? '');
  }

  /** Something of an evicted pod runs still, or may. */
  get #stopping(): boolean {
    return this.#observed.eviction !== undefined && this.#observed.directories !== 'removed';
  }

  /** The pod has ended and left nothing behind. */
  get finished(): boolean {
    return this.#finished;
  }

  /** When the pod was told to end. */
  get terminatingSince(): Date | undefined {
    return this.#terminatingSince;
  }

  /** Begins the pod's life; a second call changes nothing. */
  start(): void {
    this.#done ??= this.#run();
  }

  /** Something may have happened to the pod. */
  notify(): void {
    this.#wake.ring();
  }

  /** Looks at everything again: the pod's volumes are brought up to date with what they show. */
  refresh(): void {
    this.#observed.volumesStale = hasRefreshedVolumes(this.pod);
    this.notify();
  }

  /** An object that the pod refers to has come, changed or gone: what waited for it is tried at once. */
  objectChanged(): void {
    for (const [key, { reason }] of Object.entries(this.#observed.failures)) {
      if (reason === 'FailedMount' || reason === 'CreateContainerConfigError') delete this.#observed.failures[key];
    }
    this.refresh();
  }

  /** The pod has changed in place: what it asks for now counts from the next plan on; it may ask to be ended. */
  update(pod: Pod): void {
    if (isSamePod(this.pod, pod)) return;
    forgetRedefined(this.#observed, this.pod, pod);
    this.#pod = pod;
    this.#observed.volumesStale = hasRefreshedVolumes(pod);
    if (pod.metadata?.deletionTimestamp) this.terminate(gracePeriodOf(pod));
    this.notify();
  }

  /** Ends the pod. A second call can only shorten the grace period. */
  terminate(gracePeriodSeconds: number): void {
    const before = this.#observed.deletion?.gracePeriodSeconds;
    if (before !== undefined && before <= gracePeriodSeconds) return;
    this.#observed.deletion = { gracePeriodSeconds };
    this.#observed.endingSince = this.#options.clock.now();
    this.#terminatingSince ??= this.#options.clock.now();
    this.#sync.abort(new PluginError('CANCELLED', 'the pod is to end'));
    this.#sync = new AbortController();
    this.notify();
  }

  /** Ends the pod by the node's own decision: it stays as a failed one. Changes nothing about a pod that is evicted already, or has ended. */
  evict(eviction: Eviction): void {
    if (this.#observed.eviction || !this.active) return;
    this.#observed.eviction = eviction;
    this.#sync.abort(new PluginError('CANCELLED', 'the pod is evicted'));
    this.#sync = new AbortController();
    this.notify();
  }

  /** Resolves when the pod is to end, and its runtime hasn't been there for so long that waiting is pointless. */
  get abandoned(): Promise<void> {
    return this.#abandoned.promise;
  }

  /** Resolves when the worker has ended: its pod has, or it was halted. */
  async ended(): Promise<void> {
    await this.#done;
  }

  /** Ends the worker and leaves the pod as it is. */
  async halt(): Promise<void> {
    this.#halted.abort(new PluginError('CANCELLED', 'the kubelet is stopping'));
    this.notify();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { metrics } = this.#options;
    metrics.podWorkerStartDuration.observe((performance.now() - this.#createdAt) / 1000);
    let operation = 'create';
    while (!this.#finished && !this.#halted.signal.aborted) {
      const signal = AbortSignal.any([this.#sync.signal, this.#halted.signal]);
      try {
        const ended = metrics.podWorkerDuration.startTimer();
        await inTrace(newSpan(this.trace), () => this.#settle(signal));
        ended({ operation_type: this.#terminatingSince ? 'kill' : operation });
        operation = 'sync';
      } catch (thrown) {
        // A fault of our own: the pod waits, the node goes on.
        this.#log.error({ err: thrown }, 'the sync failed');
        this.#wake.at(this.#later(this.#options.backOff.syncErrorMs));
      }
      if (!this.#finished) await this.#wake.wait();
    }
    this.#wake.cancel();
    this.#probes.stop();
  }

  /** Carries out plans until there is nothing left to do. */
  async #settle(signal: AbortSignal): Promise<void> {
    for (let rounds = 0; rounds < roundsWithoutPause; rounds++) {
      await this.#observe(signal);
      if (signal.aborted) return;
      const planned = this.#planAndTell();
      if (planned.finished) return this.#finish();
      if (planned.actions.length === 0) return this.#wake.at(planned.wakeAt);
      for (const action of planned.actions) {
        if (signal.aborted) return;
        await this.#carryOut(action, signal);
      }
    }
    this.#log.error({ rounds: roundsWithoutPause }, 'the plan comes to no end');
    this.#wake.at(this.#later(this.#options.backOff.syncErrorMs));
  }

  #planAndTell(): Plan {
    const planned = plan(this.#context.pod, this.#observed, this.#options.clock.now(), this.#options.backOff);
    const before = this.#observed.previous;
    this.#observed.previous = planned.status;
    tellWaits(this.#context.events, this.pod, before, planned.status);
    if (!isDeepStrictEqual(before, planned.status)) this.#options.onStatus(this.pod, planned.status);
    return planned;
  }

  async #observe(signal: AbortSignal): Promise<void> {
    await this.#try({ kind: 'observe' }, signal, () =>
      ActionFailure.explain('RuntimeUnavailable', `runtime ${this.#observed.handler}`, async () => {
        await this.#context.client.onDemand?.start(signal);
        await this.#take(await this.#observer.observe(signal));
      }),
    );
    this.#unseenSince = failureOf(this.#observed, { kind: 'observe' }) && (this.#unseenSince ?? this.#options.clock.now());
    if (this.#unseenSince && this.#terminatingSince) this.#considerAbandoning(this.#unseenSince, this.#terminatingSince);
  }

  async #take({ sandboxes, containers: instances }: Pick<ObservedPod, 'sandboxes' | 'containers'>): Promise<void> {
    const { pod, containers, pendingResize } = await this.#resources.follow(this.#pod, instances);
    Object.assign(this.#observed, { sandboxes, containers, pendingResize });
    forgetGone(this.#observed);
    this.#context = { ...this.#context, pod };
    this.#probes.follow(pod, this.#observed);
    this.#observed.probes = this.#probes.verdicts;
  }

  /** A probe's new verdict is told at once, whatever the worker does just now: a container that stops slowly is still talked to. */
  #probed(): void {
    this.#observed.probes = this.#probes.verdicts;
    this.#planAndTell();
    this.notify();
  }

  #considerAbandoning(unseenSince: Date, terminatingSince: Date): void {
    const since = Math.max(unseenSince.getTime(), terminatingSince.getTime());
    if (!this.begun || this.#options.clock.now().getTime() - since >= abandonAfterMs) this.#abandoned.resolve();
  }

  async #carryOut(action: Action, signal: AbortSignal): Promise<void> {
    this.#log.debug({ action }, 'action');
    // A change that comes while the volumes are brought up to date asks for another round.
    if (action.kind === 'refresh-volumes') this.#observed.volumesStale = false;
    if (action.kind === 'stop-containers' && action.podEnds) this.#observed.endingSince ??= this.#options.clock.now();
    await this.#try(action, signal, async () => {
      if (action.kind === 'check-image') await this.#checkImage(action.image, signal);
      else if (action.kind === 'run-sandbox') await this.#runSandbox(action, signal);
      else await perform(this.#context, action, signal);
      if (action.kind === 'resize-container') await this.#resources.resized(action.containerId, action.resources);
      rememberSuccess(this.#observed, action);
    });
    if (!signal.aborted) countStart(this.#options.metrics.containerStarts, this.pod, action, failureOf(this.#observed, action)?.reason);
    if (action.kind === 'refresh-volumes' && failureOf(this.#observed, action)) this.#observed.volumesStale = true;
    if (action.kind === 'start-container') rememberStart(this.#observed, this.pod, action, this.#options.clock.now());
  }

  /** Runs one step; how it failed is remembered for the planner and told, unless it was given up. */
  async #try(fallible: Fallible, signal: AbortSignal, step: () => Promise<void>): Promise<void> {
    try {
      await step();
      delete this.#observed.failures[failureKey(fallible)];
    } catch (thrown) {
      if (!signal.aborted) this.#failed(fallible, thrown);
    }
  }

  #failed(fallible: Fallible, thrown: unknown): void {
    const { backOff, clock } = this.#options;
    const { reason, message } = rememberFailure(this.#observed, fallible, thrown, clock.now(), backOff);
    this.#log.warn({ reason, key: failureKey(fallible) }, message);
    if (thrown instanceof ActionFailure && thrown.recorded) return;
    const event = eventReason(reason);
    this.#context.events.record(this.pod, 'Warning', event, event === reason ? message : `Error: ${reason}: ${message}`);
  }

  /** A sandbox that came up after its pod's end would be left over: even if the pod is to end, the answer is waited for. */
  async #runSandbox(action: Change, signal: AbortSignal): Promise<void> {
    const patient = patientSignal(signal, sandboxPatienceMs, this.#options.clock);
    await perform(this.#context, action, patient.signal).finally(patient.release);
  }

  async #checkImage(image: string, signal: AbortSignal): Promise<void> {
    const found = await checkImage(this.#context, image, signal);
    this.#observed.images[image] = { present: found !== undefined, checkedAt: this.#options.clock.now() };
  }

  async #finish(): Promise<void> {
    await removeLogs(this.#context);
    this.#finished = true;
  }

  #later(ms: number): Date {
    return new Date(this.#options.clock.now().getTime() + ms);
  }
}

/** Events have kubelet's few reasons; the details of a container's failure stand in their message. */
function eventReason(reason: string): string {
  return reason.startsWith('Failed') ? reason : reason === 'RuntimeUnavailable' ? 'FailedSync' : 'Failed';
}
