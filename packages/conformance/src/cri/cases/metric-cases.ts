import { expectDistinct, expectEqual, expectTrue, present } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { withMeasured } from '../measured-pod.ts';
import { resources } from '../needs.ts';
import type { CriTarget } from '../target.ts';

/** Metrics, as Prometheus has them. */
export const metricCases: Case<CriTarget>[] = [
  {
    id: 'stats.metric-descriptors',
    group: 'stats',
    clause: 'ListMetricDescriptors tells each metric once, with its help and label keys (cri.proto, MetricDescriptor)',
    proves: [
      'ListMetricDescriptors',
      'ListMetricDescriptorsResponse.descriptors',
      'MetricDescriptor.name',
      'MetricDescriptor.help',
      'MetricDescriptor.label_keys',
    ],
    needs: [resources],
    async run({ client }) {
      const { descriptors } = await client.ListMetricDescriptors({});
      expectTrue(descriptors.length > 0, 'no descriptors');
      expectDistinct(
        descriptors.map(({ name }) => name),
        'names of several descriptors',
      );
      for (const { name, help } of descriptors)
        expectTrue(/^[a-zA-Z_:][\w:]*$/.test(name) && help !== '', `"${name}" is no name, or has no help`);
    },
  },
  {
    id: 'stats.metrics',
    group: 'stats',
    clause: 'ListPodSandboxMetrics gives metrics that are described, with a label value for each key (cri.proto, Metric)',
    proves: [
      'ListPodSandboxMetrics',
      'ListPodSandboxMetricsResponse.pod_metrics',
      'PodSandboxMetrics.pod_sandbox_id',
      'PodSandboxMetrics.metrics',
      'PodSandboxMetrics.container_metrics',
      'ContainerMetrics.container_id',
      'ContainerMetrics.metrics',
      'Metric.name',
      'Metric.label_values',
      'Metric.metric_type',
      'Metric.value',
    ],
    needs: [resources],
    async run(target) {
      await withMeasured(target, async (pod, containerId) => {
        const { descriptors } = await target.client.ListMetricDescriptors({});
        const keys = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys.length]));
        const { podMetrics } = await target.client.ListPodSandboxMetrics({});
        const own = present(
          podMetrics.find(({ podSandboxId }) => podSandboxId === pod.id),
          'the sandbox',
        );
        const ofContainer = present(
          own.containerMetrics.find((one) => one.containerId === containerId),
          'the container',
        ).metrics;
        expectTrue(ofContainer.length > 0, 'no metrics of the container');
        for (const { name, labelValues, metricType } of [...own.metrics, ...ofContainer]) {
          expectEqual(labelValues.length, keys.get(name) ?? -1, `label values of ${name}`);
          expectTrue(['COUNTER', 'GAUGE'].includes(metricType), `${name} is a ${metricType}`);
        }
      });
    },
  },
  {
    id: 'stats.metrics-stream',
    group: 'stats',
    clause: 'StreamPodSandboxMetrics gives what ListPodSandboxMetrics gives (cri.proto, StreamPodSandboxMetrics)',
    proves: ['StreamPodSandboxMetrics', 'StreamPodSandboxMetricsResponse.pod_sandbox_metrics'],
    needs: [resources],
    async run(target, signal) {
      await withMeasured(target, async (pod) => {
        const streamed: string[] = [];
        for await (const { podSandboxMetrics } of target.client.StreamPodSandboxMetrics({}, { signal }))
          streamed.push(...podSandboxMetrics.map(({ podSandboxId }) => podSandboxId));
        expectEqual(streamed.filter((id) => id === pod.id).length, 1, 'times that the sandbox is told');
      });
    },
  },
];
