import {
  type ListMetricDescriptorsResponse,
  type ListPodSandboxMetricsResponse,
  type Metric,
  type MetricDescriptor,
  PodSandboxMetrics,
  type StreamPodSandboxMetricsResponse,
} from '@berth/sdk/cri';
import type { CallContext } from '@berth/sdk/serve';
import { nanoseconds } from '../identifiers.ts';
import { matchingSandboxes } from '../sandbox/list-pod-sandbox.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Shim } from '../shim.ts';
import { all, inBatches } from '../streamed-list.ts';
import { containerMetrics, type MetricSource, sandboxMetrics } from './metric-sets.ts';
import { readSandbox } from './readings.ts';

/** What says whose each metric is. A pod's own have an empty `container`, `image` and `name`. */
const identityLabels = ['container', 'id', 'image', 'name', 'namespace', 'pod'];

/** CRI ListMetricDescriptors. */
export function listMetricDescriptors(): ListMetricDescriptorsResponse {
  const sources: MetricSource<never>[] = [...containerMetrics, ...sandboxMetrics];
  const descriptors = sources.map(
    ({ name, help, labels }): MetricDescriptor => ({ name, help, labelKeys: [...identityLabels, ...labels] }),
  );
  return { descriptors: [...new Map(descriptors.map((descriptor) => [descriptor.name, descriptor])).values()] };
}

/** CRI ListPodSandboxMetrics. */
export async function listPodSandboxMetrics(shim: Shim, { signal }: CallContext): Promise<ListPodSandboxMetricsResponse> {
  return { podMetrics: await all(allMetrics(shim, signal)) };
}

/** CRI StreamPodSandboxMetrics: each sandbox is read when its turn comes. */
export async function* streamPodSandboxMetrics(shim: Shim, { signal }: CallContext): AsyncGenerator<StreamPodSandboxMetricsResponse> {
  for await (const batch of inBatches(allMetrics(shim, signal), PodSandboxMetrics)) yield { podSandboxMetrics: batch };
}

async function* allMetrics(shim: Shim, signal: AbortSignal): AsyncGenerator<PodSandboxMetrics> {
  for (const sandbox of matchingSandboxes(shim, undefined)) yield await metricsOf(shim, sandbox, signal);
}

async function metricsOf(shim: Shim, sandbox: Sandbox, signal: AbortSignal): Promise<PodSandboxMetrics> {
  const reading = await readSandbox(shim, sandbox, signal);
  const { name = '', namespace = '' } = sandbox.config.metadata ?? {};
  return {
    podSandboxId: sandbox.id,
    metrics: metrics(sandboxMetrics, reading, ['', sandbox.id, '', '', namespace, name]),
    containerMetrics: reading.containers.map((each) => {
      const { id, config } = each.container;
      const identity = [
        config.metadata?.name ?? '',
        id,
        config.image?.userSpecifiedImage || (config.image?.image ?? ''),
        id,
        namespace,
        name,
      ];
      return { containerId: id, metrics: metrics(containerMetrics, each, identity) };
    }),
  };
}

function metrics<Reading>(sources: MetricSource<Reading>[], reading: Reading, identity: string[]): Metric[] {
  const timestamp = nanoseconds(Date.now());
  return sources.flatMap((source) =>
    source.values(reading).map(({ labels, value }) => ({
      name: source.name,
      timestamp,
      metricType: source.type,
      labelValues: [...identity, ...labels],
      value: { value },
    })),
  );
}
