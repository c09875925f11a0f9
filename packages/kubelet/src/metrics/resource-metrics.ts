import type { NodeReading, ResourceFigures } from '../stats/node-reading.ts';
import { Exposition } from './exposition.ts';

/** What /metrics/resource says: the few figures that autoscaling goes by. `reading` is undefined where it failed. */
export function resourceMetrics(reading: NodeReading | undefined): string {
  const exposition = new Exposition();
  if (reading) {
    addFigures(exposition, 'node', {}, reading.node);
    for (const pod of reading.pods) {
      const labels = { namespace: pod.podRef.namespace, pod: pod.podRef.name };
      addFigures(exposition, 'pod', labels, pod);
      for (const container of pod.containers) {
        const inside = { container: container.name, ...labels };
        addFigures(exposition, 'container', inside, container);
        exposition.add(
          'gauge',
          'container_start_time_seconds',
          'When a container was started, as Unix time.',
          inside,
          seconds(container.startTime),
        );
      }
    }
  }
  const failed = reading && reading.failed.length === 0 ? 0 : 1;
  exposition.add('gauge', 'resource_scrape_error', 'Whether figures are missing.', {}, failed);
  exposition.add('gauge', 'scrape_error', 'The former name of resource_scrape_error.', {}, failed);
  return exposition.toString();
}

function addFigures(
  exposition: Exposition,
  of: 'node' | 'pod' | 'container',
  labels: Record<string, string>,
  figures: ResourceFigures,
): void {
  const { cpu, memory, swap } = figures;
  const used = cpu?.usageCoreNanoSeconds;
  exposition.add('counter', `${of}_cpu_usage_seconds_total`, `CPU time that the ${of} has used.`, labels, used && used / 1e9, time(cpu));
  exposition.add('gauge', `${of}_memory_working_set_bytes`, `Working set of the ${of}.`, labels, memory?.workingSetBytes, time(memory));
  exposition.add('gauge', `${of}_swap_usage_bytes`, `Swap that the ${of} uses.`, labels, swap?.swapUsageBytes, time(swap));
}

function time(figure: { time: string } | undefined): number | undefined {
  return figure && Date.parse(figure.time);
}

function seconds(text: string): number {
  return Date.parse(text) / 1000;
}
