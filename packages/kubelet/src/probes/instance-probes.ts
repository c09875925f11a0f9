import type { Probe } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { Clock } from '../clock.ts';
import type { HandlerTarget } from '../handlers/handler-target.ts';
import type { ProbeVerdict } from '../plan/observed-pod.ts';
import { nameOf, namespaceOf, uidOf } from '../pod.ts';
import type { PodEvents } from '../pod-events.ts';
import type { ProbeLabels, ProbeMetrics } from './probe-metrics.ts';
import { Prober } from './prober.ts';
import { type ProbeOutcome, runProbe } from './run-probe.ts';

type ProbeKind = 'startup' | 'liveness' | 'readiness';

/** What a probe came to when it ran last. */
export interface ProbeAnswer {
  container: string;
  probe: ProbeKind;
  at: Date;
  result: ProbeOutcome['result'] | 'error';
  output: string;
}

interface InstanceProbesOptions {
  target(): HandlerTarget;
  startedAt: Date;
  /** What was told of this very instance before this kubelet saw it. */
  told: Pick<ProbeVerdict, 'started' | 'ready'> | undefined;
  /** No probe runs before. */
  notBefore(probe: Probe): Date;
  clock: Clock;
  events: PodEvents;
  metrics: ProbeMetrics;
  /** Called when the verdict has changed. */
  onChange(): void;
}

/** As events and metrics name them. */
const titles: Record<ProbeKind, string> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };

/** All probes of one container instance. Liveness and readiness begin when the startup probe has succeeded. */
export class InstanceProbes {
  readonly #options: InstanceProbesOptions;
  readonly #probers = new Map<ProbeKind, Prober>();
  readonly #answers = new Map<ProbeKind, ProbeAnswer>();
  #verdict: ProbeVerdict;

  constructor(options: InstanceProbesOptions) {
    this.#options = options;
    const { startupProbe, readinessProbe } = options.target().container;
    const started = options.told?.started || !startupProbe;
    this.#verdict = { started, ready: started && (options.told?.ready ?? !readinessProbe) };
  }

  get verdict(): ProbeVerdict {
    return this.#verdict;
  }

  /** How each probe came out the last time. */
  get answers(): ProbeAnswer[] {
    return [...this.#answers.values()];
  }

  start(): void {
    if (!this.#verdict.started) this.#begin('startup');
    else this.#beginAfterStart();
  }

  /** The pod is to end: what would restart the container isn't asked any more, and whether it can be talked to still is. */
  stopRestarting(): void {
    this.#forget('startup');
    this.#forget('liveness');
  }

  stop(): void {
    for (const kind of [...this.#probers.keys()]) this.#forget(kind);
  }

  #beginAfterStart(): void {
    this.#begin('liveness');
    this.#begin('readiness');
  }

  #begin(kind: ProbeKind): void {
    const { startedAt, clock, notBefore } = this.#options;
    const probe = this.#options.target().container[`${kind}Probe`];
    if (!probe) return;
    const delayed = startedAt.getTime() + (probe.initialDelaySeconds ?? 0) * 1000;
    const firstAt = new Date(Math.max(delayed, notBefore(probe).getTime()));
    const prober = new Prober({
      probe,
      clock,
      firstAt,
      run: (signal) => this.#run(kind, probe, signal),
      onVerdict: (success) => this.#judge(kind, success),
    });
    this.#probers.set(kind, prober);
    prober.start();
  }

  /** Ends the probe with its figures. */
  #forget(kind: ProbeKind): void {
    this.#stopAsking(kind);
    if (this.#probers.delete(kind)) this.#options.metrics.forget(this.#labels(kind));
  }

  #judge(kind: ProbeKind, success: boolean): void {
    if (kind === 'readiness') {
      this.#change({ ...this.#verdict, ready: success });
    } else if (!success) {
      // Until there is a new instance: a container that is being stopped isn't to be stopped again.
      this.#stopAsking(kind);
      this.#change({ ...this.#verdict, failed: { probe: kind, message: this.#answers.get(kind)?.output ?? '' } });
    } else if (kind === 'startup') {
      this.#stopAsking(kind);
      this.#change({ started: true, ready: !this.#options.target().container.readinessProbe });
      this.#beginAfterStart();
    }
  }

  /** Ends the probe; its figures stay as long as the instance does. */
  #stopAsking(kind: ProbeKind): void {
    this.#probers.get(kind)?.stop();
  }

  #change(verdict: ProbeVerdict): void {
    const { started, ready, failed } = this.#verdict;
    this.#verdict = verdict;
    if (started !== verdict.started || ready !== verdict.ready || failed !== verdict.failed) this.#options.onChange();
  }

  async #run(kind: ProbeKind, probe: Probe, signal: AbortSignal): Promise<boolean | undefined> {
    const startedAt = performance.now();
    try {
      const outcome = await runProbe(probe, this.#options.target(), signal);
      if (signal.aborted) return undefined;
      const success = outcome.result !== 'failure';
      this.#options.metrics.count(this.#labels(kind), success ? 'successful' : 'failed', (performance.now() - startedAt) / 1000);
      this.#tell(kind, outcome);
      return success;
    } catch (thrown) {
      if (!signal.aborted) this.#tellError(kind, PluginError.from(thrown).message);
      return undefined;
    }
  }

  #tell(kind: ProbeKind, { result, output }: ProbeOutcome): void {
    this.#remember(kind, result, output);
    if (result === 'failure') this.#warn('Unhealthy', `${titles[kind]} probe failed: ${output}`);
    if (result === 'warning') this.#warn('ProbeWarning', `${titles[kind]} probe warning: ${output}`);
  }

  #tellError(kind: ProbeKind, message: string): void {
    this.#remember(kind, 'error', message);
    this.#warn('Unhealthy', `${titles[kind]} probe errored and resulted in unknown state: ${message}`);
  }

  #remember(kind: ProbeKind, result: ProbeAnswer['result'], output: string): void {
    const container = this.#options.target().container.name;
    this.#answers.set(kind, { container, probe: kind, at: this.#options.clock.now(), result, output });
  }

  #warn(reason: string, message: string): void {
    this.#options.events.record(this.#options.target().pod, 'Warning', reason, message);
  }

  #labels(kind: ProbeKind): ProbeLabels {
    const { pod, container } = this.#options.target();
    return {
      probe_type: titles[kind],
      container: container.name,
      pod: nameOf(pod),
      namespace: namespaceOf(pod),
      pod_uid: uidOf(pod),
    };
  }
}
