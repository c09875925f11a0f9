import type { Usage } from '@berth/sdk/cgroup/usage';
import { type LinuxContainerResources, MetricType, type PsiStats } from '@berth/sdk/cri';
import type { InterfaceCounters } from '@berth/sdk/interface-counters';
import type { ContainerReading, SandboxReading } from './readings.ts';

/** One metric that is told: its name and meaning, and how its values come from a reading. */
export interface MetricSource<Reading> {
  /** As cAdvisor named it. */
  name: string;
  help: string;
  type: MetricType;
  /** Labels of its own, after those that say which container. */
  labels: string[];
  values(reading: Reading): MetricValue[];
}

interface MetricValue {
  /** As many as `labels`. */
  labels: string[];
  value: bigint;
}

const { COUNTER, GAUGE } = MetricType;
const nanosecondsPerSecond = 1_000_000_000n;

/** Of a cgroup: a container's, or the pod's as a whole. */
const cgroupMetrics: MetricSource<{ usage: Usage | undefined }>[] = [
  ofUsage('container_cpu_usage_seconds_total', 'CPU time used, in whole seconds', COUNTER, ({ cpu }) => seconds(cpu?.total), [
    'cpu',
    'total',
  ]),
  ofUsage('container_memory_usage_bytes', 'Memory in use, caches too', GAUGE, ({ memory }) => memory?.used),
  ofUsage('container_memory_working_set_bytes', 'Memory in use that is not easily given back', GAUGE, ({ memory }) => memory?.workingSet),
  ofUsage('container_memory_rss', 'Anonymous memory in bytes', GAUGE, ({ memory }) => memory?.rss),
  ofUsage('container_memory_swap', 'Swap space in use, in bytes', GAUGE, ({ swap }) => swap?.used),
  ofUsage('container_spec_memory_limit_bytes', 'Limit of memory; 0 for none', GAUGE, ({ memory }) => memory && (memory.limit ?? 0n)),
  {
    name: 'container_memory_failures_total',
    help: 'Page faults',
    type: COUNTER,
    labels: ['failure_type', 'scope'],
    values: ({ usage }) =>
      usage?.memory
        ? [
            { labels: ['pgfault', 'hierarchy'], value: usage.memory.pageFaults },
            { labels: ['pgmajfault', 'hierarchy'], value: usage.memory.majorPageFaults },
          ]
        : [],
  },
  ofUsage('container_processes', 'Processes, or threads where the kernel counts those', GAUGE, ({ processes }) => processes),
  ...pressure('cpu', ({ cpu }) => cpu?.pressure),
  ...pressure('memory', ({ memory }) => memory?.pressure),
  ...pressure('io', ({ io }) => io?.pressure),
];

const onlyContainers: MetricSource<ContainerReading>[] = [
  single('container_start_time_seconds', 'When it was started, in seconds since the epoch', GAUGE, ({ container }) =>
    container.record.startedAt === undefined ? undefined : BigInt(Math.floor(container.record.startedAt / 1000)),
  ),
  single('container_fs_usage_bytes', 'What it has written over its image', GAUGE, ({ writableLayer }) => writableLayer?.bytes),
  single(
    'container_fs_inodes_used',
    'Files and directories that it has written over its image',
    GAUGE,
    ({ writableLayer }) => writableLayer?.inodes,
  ),
  ofResources('container_spec_cpu_shares', 'Relative weight of its CPU time', ({ cpuShares }) => cpuShares),
  ofResources('container_spec_cpu_period', 'CFS period in microseconds', ({ cpuPeriod }) => cpuPeriod),
  ofResources('container_spec_cpu_quota', 'CFS quota in microseconds a period', ({ cpuQuota }) => cpuQuota),
];

const onlySandboxes: MetricSource<SandboxReading>[] = [
  ofInterfaces('container_network_receive_bytes_total', 'Bytes received', ({ received }) => received.bytes),
  ofInterfaces('container_network_receive_packets_total', 'Packets received', ({ received }) => received.packets),
  ofInterfaces('container_network_receive_packets_dropped_total', 'Packets dropped while receiving', ({ received }) => received.dropped),
  ofInterfaces('container_network_receive_errors_total', 'Errors while receiving', ({ received }) => received.errors),
  ofInterfaces('container_network_transmit_bytes_total', 'Bytes sent', ({ sent }) => sent.bytes),
  ofInterfaces('container_network_transmit_packets_total', 'Packets sent', ({ sent }) => sent.packets),
  ofInterfaces('container_network_transmit_packets_dropped_total', 'Packets dropped while sending', ({ sent }) => sent.dropped),
  ofInterfaces('container_network_transmit_errors_total', 'Errors while sending', ({ sent }) => sent.errors),
];

export const containerMetrics: MetricSource<ContainerReading>[] = [...cgroupMetrics, ...onlyContainers];
export const sandboxMetrics: MetricSource<SandboxReading>[] = [...cgroupMetrics, ...onlySandboxes];

/** A metric with at most one value a reading; `label` is a label that always has the same value. */
function single<Reading>(
  name: string,
  help: string,
  type: MetricType,
  read: (reading: Reading) => bigint | undefined,
  label?: [key: string, value: string],
): MetricSource<Reading> {
  return {
    name,
    help,
    type,
    labels: label ? [label[0]] : [],
    values: (reading) => {
      const value = read(reading);
      return value === undefined ? [] : [{ labels: label ? [label[1]] : [], value }];
    },
  };
}

function ofUsage(
  name: string,
  help: string,
  type: MetricType,
  read: (usage: Usage) => bigint | undefined,
  label?: [string, string],
): MetricSource<{ usage: Usage | undefined }> {
  return single(name, help, type, ({ usage }) => usage && read(usage), label);
}

function pressure(
  resource: string,

  of: (usage: Usage) => PsiStats | undefined,
): MetricSource<{ usage: Usage | undefined }>[] {
  return [
    ofUsage(`container_pressure_${resource}_waiting_seconds_total`, `Time in which a task waited for ${resource}`, COUNTER, (usage) =>
      seconds(of(usage)?.Some?.Total),
    ),
    ofUsage(`container_pressure_${resource}_stalled_seconds_total`, `Time in which all tasks waited for ${resource}`, COUNTER, (usage) =>
      seconds(of(usage)?.Full?.Total),
    ),
  ];
}

function ofResources(name: string, help: string, of: (resources: LinuxContainerResources) => bigint): MetricSource<ContainerReading> {
  return single(name, help, GAUGE, ({ container: { config } }) => (config.linux?.resources && of(config.linux.resources)) || undefined);
}

function ofInterfaces(name: string, help: string, of: (counters: InterfaceCounters) => bigint): MetricSource<SandboxReading> {
  const values = ({ interfaces = [] }: SandboxReading): MetricValue[] =>
    interfaces.map((counters) => ({ labels: [counters.name], value: of(counters) }));
  return { name, help, type: COUNTER, labels: ['interface'], values };
}

function seconds(nanoseconds: bigint | undefined): bigint | undefined {
  return nanoseconds === undefined ? undefined : nanoseconds / nanosecondsPerSecond;
}
