import { ListMetricDescriptorsRequest, ListPodSandboxMetricsRequest, type Metric } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { InterfaceTraffic } from './network.ts';
import { figuresDeadlineMs } from './runtime-figures.ts';

/** Where each metric of a network interface stands in its counters, by cAdvisor's name. */
const places = {
  container_network_receive_bytes_total: ['received', 'bytes'],
  container_network_receive_packets_total: ['received', 'packets'],
  container_network_receive_errors_total: ['received', 'errors'],
  container_network_receive_packets_dropped_total: ['received', 'dropped'],
  container_network_transmit_bytes_total: ['sent', 'bytes'],
  container_network_transmit_packets_total: ['sent', 'packets'],
  container_network_transmit_errors_total: ['sent', 'errors'],
  container_network_transmit_packets_dropped_total: ['sent', 'dropped'],
} as const satisfies Record<string, ['received' | 'sent', keyof InterfaceTraffic['sent']]>;

/** Reads one runtime's metrics (CRI ListPodSandboxMetrics) of networks, which CRI's figures tell less of. */
export class RuntimeMetricsReader {
  readonly #client: RuntimeClient;
  #told = true;
  /** By metric, which of its labels names the interface. */
  #labels: Map<string, number> | undefined;

  constructor(client: RuntimeClient) {
    this.#client = client;
  }

  get handler(): string {
    return this.#client.handler;
  }

  /** By sandbox; empty where the runtime tells none. One that refuses once is asked again; one that doesn't know the call isn't. */
  async read(signal: AbortSignal): Promise<Map<string, InterfaceTraffic[]>> {
    if (!this.#told || this.#client.onDemand?.started === false) return new Map();
    try {
      this.#labels ??= await this.#interfaceLabels(signal);
      const { podMetrics } = await this.#client.runtime.listPodSandboxMetrics(ListPodSandboxMetricsRequest.create(), {
        signal,
        deadlineMs: figuresDeadlineMs,
      });
      const labels = this.#labels;
      return new Map(podMetrics.map(({ podSandboxId, metrics }) => [podSandboxId, interfacesOf(metrics, labels)]));
    } catch (thrown) {
      signal.throwIfAborted();
      if (PluginError.from(thrown).code === 'UNIMPLEMENTED') this.#told = false;
      return new Map();
    }
  }

  async #interfaceLabels(signal: AbortSignal): Promise<Map<string, number>> {
    const { descriptors } = await this.#client.runtime.listMetricDescriptors(ListMetricDescriptorsRequest.create(), {
      signal,
      deadlineMs: figuresDeadlineMs,
    });
    return new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys.indexOf('interface')]));
  }
}

function interfacesOf(metrics: readonly Metric[], labels: ReadonlyMap<string, number>): InterfaceTraffic[] {
  const interfaces = new Map<string, InterfaceTraffic>();
  for (const { name: metric, labelValues, value } of metrics) {
    const place = places[metric as keyof typeof places];
    const name = labelValues[labels.get(metric) ?? -1];
    if (!place || name === undefined || !value) continue;
    const counters = interfaces.get(name) ?? { name, received: {}, sent: {} };
    counters[place[0]][place[1]] = Number(value.value);
    interfaces.set(name, counters);
  }
  return [...interfaces.values()];
}
