import type { Pod, PodStatus } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { inTrace, newSpan, type TraceContext } from '@berth/sdk/trace-context';
import type { Logger } from 'pino';
import type { PodMemory } from '../checkpoint/pod-memory.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { Eviction, ObservedPod } from '../plan/observed-pod.ts';
import type { Wait } from '../plan/wait.ts';
import { fullNameOf, gracePeriodOf, specOf, uidOf } from '../pod.ts';
import type { ProbeAnswer } from '../probes/instance-probes.ts';
import type { PodProbes } from '../probes/pod-probes.ts';
import type { Probes } from '../probes/probes.ts';
import { Wake } from '../wake.ts';
import { PodState } from './pod-state.ts';
import { PodSync, type PodSyncOptions } from './pod-sync.ts';

interface PodWorkerOptions extends PodSyncOptions {
  probes: Probes;
  metrics: KubeletMetrics;
  hostIP?: string;
  refusal?: ObservedPod['refusal'];
  /** Devices are set apart for it that no plugin has been asked for. */
  devicesPending: boolean;
  /** What a kubelet before this one knew of the pod. */
  restored?: PodMemory;
}

/** How long a runtime that isn't there is waited for when a pod in it is to end. */
const abandonAfterMs = 5000;

/**
 * One pod's life: its sync, then sleep until something happens or the planner's hour has come. All that is slow about a pod is in here, and
 * nothing of another pod.
 */
export class PodWorker {
  /** All plugin calls of the pod's life are in this trace. */
  readonly trace: TraceContext = newSpan();
  readonly #options: PodWorkerOptions;
  readonly #state: PodState;
  readonly #sync: PodSync;
  readonly #probes: PodProbes;
  readonly #log: Logger;
  readonly #wake: Wake;
  readonly #halted = new AbortController();
  readonly #createdAt = performance.now();
  /** Aborted, and made anew, when the pod is to end: what was being done for its life is given up. */
  #life = new AbortController();
  readonly #abandoned = Promise.withResolvers<void>();
  #done: Promise<void> | undefined;

  constructor(options: PodWorkerOptions) {
    const { context, clock, metrics, hostIP, refusal, devicesPending, restored } = options;
    const { pod, client, podIP } = context;
    this.#options = options;
    this.#state = new PodState(pod, { handler: client.handler, hostIP, refusal, devicesPending, restored });
    this.#log = options.log.child({ pod: fullNameOf(pod), uid: uidOf(pod) });
    this.#wake = new Wake(clock);
    this.#probes = options.probes.of(client, podIP, () => this.#probed());
    const parts = { probes: this.#probes, starts: metrics.containerStarts };
    this.#sync = new PodSync(this.#state, { ...options, log: this.#log }, parts);
  }

  /** As its source has it by now. */
  get pod(): Pod {
    return this.#state.pod;
  }

  /** With the resources that its containers have been given; the pod may ask for others by now. */
  get allocated(): Pod {
    return this.#state.allocated;
  }

  /** As it was told last. */
  get status(): PodStatus {
    return this.#state.status;
  }

  /** What holds up the whole pod; undefined: nothing does. */
  get trouble(): Wait | undefined {
    return this.#state.trouble;
  }

  /** What the planner knows of the pod; not to be changed. */
  get observed(): Readonly<ObservedPod> {
    return this.#state.observed;
  }

  /** How each probe came out the last time. */
  get answers(): ProbeAnswer[] {
    return this.#probes.answers;
  }

  /** Something has been made for the pod, now or by a kubelet before. */
  get begun(): boolean {
    return this.#state.begun;
  }

  /** The pod was admitted, and not all of its containers have ended for good: what it asked the node for is its own. */
  get active(): boolean {
    return this.#state.active;
  }

  /** The pod has ended and left nothing behind. */
  get finished(): boolean {
    return this.#state.finished;
  }

  /** When the pod was told to end. */
  get terminatingSince(): Date | undefined {
    return this.#state.terminatingSince;
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
    this.#state.refresh();
    this.notify();
  }

  /** An object that the pod refers to has come, changed or gone: what waited for it is tried at once. */
  objectChanged(): void {
    this.#state.objectChanged();
    this.notify();
  }

  /** The pod has changed in place: what it asks for now counts from the next plan on; it may ask to be ended. */
  update(pod: Pod): void {
    if (!this.#state.update(pod)) return;
    if (pod.metadata?.deletionTimestamp) this.terminate(gracePeriodOf(pod));
    this.notify();
  }

  /** Ends the pod. A second call can only shorten the grace period. */
  terminate(gracePeriodSeconds: number): void {
    if (this.#state.terminate(gracePeriodSeconds, this.#options.clock.now())) this.#giveUp('the pod is to end');
  }

  /** Ends the pod by the node's own decision, with an event: it stays as a failed one. Changes nothing about a pod that has ended; a second call can only shorten the grace period. */
  evict(eviction: Eviction): void {
    if (!this.#state.evict(eviction)) return;
    if (!eviction.toldOfNode) this.#options.context.events.record(this.pod, 'Warning', eviction.reason, eviction.message);
    this.#giveUp('the pod is evicted');
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

  /** What is being done for the pod's life stops; its end is planned at once. */
  #giveUp(why: string): void {
    this.#life.abort(new PluginError('CANCELLED', why));
    this.#life = new AbortController();
    this.notify();
  }

  async #run(): Promise<void> {
    const { metrics } = this.#options;
    metrics.podWorkerStartDuration.observe((performance.now() - this.#createdAt) / 1000);
    metrics.containersPerPod.observe(specOf(this.pod).containers.length);
    let operation = 'create';
    while (!this.finished && !this.#halted.signal.aborted) {
      const ended = metrics.podWorkerDuration.startTimer();
      if (await this.#settle()) {
        ended({ operation_type: this.terminatingSince ? 'kill' : operation });
        operation = 'sync';
      }
      if (!this.finished) await this.#wake.wait();
    }
    this.#wake.cancel();
    this.#probes.stop();
  }

  /** One sync, and when the next is due. False: it failed by a fault of our own. */
  async #settle(): Promise<boolean> {
    const signal = AbortSignal.any([this.#life.signal, this.#halted.signal]);
    try {
      const wakeAt = await inTrace(newSpan(this.trace), () => this.#sync.run(signal));
      this.#wake.at(wakeAt);
      this.#considerAbandoning();
      return true;
    } catch (thrown) {
      // The pod waits, the node goes on.
      const { clock, backOff } = this.#options;
      this.#log.error({ err: thrown }, 'the sync failed');
      this.#wake.at(new Date(clock.now().getTime() + backOff.syncErrorMs));
      return false;
    }
  }

  /** A probe's new verdict is told at once, whatever the worker does just now: a container that stops slowly is still talked to. */
  #probed(): void {
    this.#state.observed.probes = this.#probes.verdicts;
    this.#sync.planAndTell();
    this.notify();
  }

  #considerAbandoning(): void {
    const { terminatingSince } = this;
    const { unseenSince } = this.#sync;
    if (!unseenSince || !terminatingSince) return;
    const since = Math.max(unseenSince.getTime(), terminatingSince.getTime());
    if (!this.begun || this.#options.clock.now().getTime() - since >= abandonAfterMs) this.#abandoned.resolve();
  }
}
