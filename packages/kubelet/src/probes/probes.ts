import type { Probe } from '@berth/api/objects';
import type { Registry } from 'prom-client';
import { type Clock, systemClock } from '../clock.ts';
import type { PodEvents } from '../pod-events.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { InstanceProbes } from './instance-probes.ts';
import { PodProbes } from './pod-probes.ts';
import { ProbeMetrics } from './probe-metrics.ts';

interface ProbesOptions {
  /** Takes the figures of all probes. */
  registry: Registry;
  events: PodEvents;
  /** As long as a runtime may take to answer, besides the time that a command is given. */
  requestTimeoutMs: number;
  clock?: Clock;
  /** From 0 to 1, for the spread after a restart; default Math.random. */
  random?: () => number;
}

/** What all pods' probes have in common. */
export class Probes {
  readonly #options: Required<ProbesOptions>;
  readonly #metrics: ProbeMetrics;
  readonly #kubeletStartedAt: Date;

  constructor({ clock = systemClock, random = Math.random, ...options }: ProbesOptions) {
    this.#options = { ...options, clock, random };
    this.#metrics = new ProbeMetrics(options.registry);
    this.#kubeletStartedAt = clock.now();
  }

  /** Of one pod; `onChange` is called when a verdict has changed. */
  of(client: RuntimeClient, podIP: () => string | undefined, onChange: () => void): PodProbes {
    const { clock, events, requestTimeoutMs } = this.#options;
    return new PodProbes((pod, container, instance, told) => {
      const target = { pod, container, containerId: instance.id, client, requestTimeoutMs };
      const startedAt = instance.startedAt ?? instance.createdAt;
      return new InstanceProbes({
        target: () => ({ ...target, podIP: podIP() }),
        startedAt,
        told,
        notBefore: (probe) => this.#notBefore(probe, startedAt),
        clock,
        events,
        metrics: this.#metrics,
        onChange,
      });
    });
  }

  /** Containers that ran before the kubelet did aren't all probed at the moment of its start. */
  #notBefore({ periodSeconds = 10 }: Probe, startedAt: Date): Date {
    const { clock, random } = this.#options;
    const [now, sinceStart] = [clock.now(), clock.now().getTime() - this.#kubeletStartedAt.getTime()];
    if (startedAt >= this.#kubeletStartedAt || sinceStart >= periodSeconds * 1000) return now;
    return new Date(now.getTime() + random() * periodSeconds * 1000);
  }
}
