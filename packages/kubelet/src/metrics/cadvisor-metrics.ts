import { cpus } from 'node:os';
import { type CgroupDetails, cgroupDetails } from '../stats/cgroup-details.ts';
import type { CgroupTree } from '../stats/cgroup-tree.ts';
import type { InterfaceTraffic } from '../stats/network.ts';
import type { NodeReading, ResourceFigures } from '../stats/node-reading.ts';
import type { ReadingDetails } from '../stats/reading-details.ts';
import type { FsStats, NetworkStats, Pressure } from '../stats/summary.ts';
import { Exposition } from './exposition.ts';

type Labels = Record<string, string>;

/** One thing that cAdvisor would call a container: the node, a pod, a container. */
interface Subject {
  labels: Labels;
  figures: ResourceFigures;
  /** In cgroupfs notation. */
  cgroup: string | undefined;
  /** Unix time. */
  startedAt?: number;
}

/** What /metrics/cadvisor says. */
export function cadvisorMetrics(reading: NodeReading, details: ReadingDetails, tree: CgroupTree, kernel: string): string {
  const exposition = new Exposition();
  exposition.add(
    'gauge',
    'cadvisor_version_info',
    'What reads these figures; always 1.',
    { kernelVersion: kernel, cadvisorVersion: '', osVersion: '' },
    1,
  );
  exposition.add('gauge', 'machine_cpu_cores', 'Logical processors of the host.', {}, cpus().length);
  const { memory, swap } = reading.node;
  exposition.add(
    'gauge',
    'machine_memory_bytes',
    'Memory of the host.',
    {},
    (memory?.availableBytes ?? 0) + (memory?.workingSetBytes ?? 0),
  );
  exposition.add(
    'gauge',
    'machine_swap_bytes',
    'Swap of the host.',
    {},
    swap && (swap.swapAvailableBytes ?? 0) + (swap.swapUsageBytes ?? 0),
  );
  addReading(exposition, reading, details, tree);
  exposition.add('gauge', 'container_scrape_error', 'Whether figures are missing.', {}, reading.failed.length === 0 ? 0 : 1);
  return exposition.toString();
}

function addReading(exposition: Exposition, { node, pods }: NodeReading, details: ReadingDetails, tree: CgroupTree): void {
  const none = { container: '', image: '', name: '', namespace: '', pod: '' };
  const root: Labels = { ...none, id: '/' };
  addSubject(exposition, { labels: root, figures: node, cgroup: '/', startedAt: seconds(node.startTime) }, tree);
  addNetwork(exposition, root, node.network, details.interfaces);
  for (const { podRef, sandboxId, cgroup, startTime, network, containers, ...figures } of pods) {
    const own: Labels = { ...none, namespace: podRef.namespace, pod: podRef.name, id: cgroup ?? `/pod${podRef.uid}` };
    addSubject(exposition, { labels: own, figures, cgroup, startedAt: seconds(startTime) }, tree);
    addNetwork(exposition, { ...own, name: sandboxId }, network, details.ofSandbox.get(sandboxId));
    for (const container of containers) {
      const { name, id, image, rootfs, layerMountpoint = '' } = container;
      const labels = { ...own, container: name, image, name: id, id: container.cgroup ?? `${own.id}/${id}` };
      addSubject(exposition, { labels, figures: container, cgroup: container.cgroup, startedAt: seconds(container.startTime) }, tree);
      addFileSystem(exposition, { ...labels, device: details.devices.get(layerMountpoint) ?? '' }, rootfs);
    }
  }
}

function addSubject(exposition: Exposition, { labels, figures, cgroup, startedAt }: Subject, tree: CgroupTree): void {
  const { cpu, memory, swap, io } = figures;
  const counter = adder(exposition, 'counter', labels);
  const gauge = adder(exposition, 'gauge', labels);
  const [cpuAt, memoryAt] = [time(cpu), time(memory)];
  exposition.add(
    'counter',
    'container_cpu_usage_seconds_total',
    'CPU time used.',
    { ...labels, cpu: 'total' },
    divided(cpu?.usageCoreNanoSeconds, 1e9),
    cpuAt,
  );
  gauge('container_memory_usage_bytes', 'Memory in use, caches too.', memory?.usageBytes, memoryAt);
  gauge('container_memory_working_set_bytes', 'Memory in use that is not easily given back.', memory?.workingSetBytes, memoryAt);
  gauge('container_memory_rss', 'Anonymous memory.', memory?.rssBytes, memoryAt);
  gauge('container_memory_swap', 'Swap in use.', swap?.swapUsageBytes, time(swap));
  for (const [type, value] of Object.entries({ pgfault: memory?.pageFaults, pgmajfault: memory?.majorPageFaults })) {
    for (const scope of ['container', 'hierarchy']) {
      exposition.add(
        'counter',
        'container_memory_failures_total',
        'Page faults.',
        { ...labels, failure_type: type, scope },
        value,
        memoryAt,
      );
    }
  }
  for (const [resource, psi] of Object.entries({ cpu: cpu?.psi, memory: memory?.psi, io: io?.psi }))
    addPressure(exposition, labels, resource, psi);
  gauge('container_start_time_seconds', 'When it was started, as Unix time.', startedAt);
  gauge('container_last_seen', 'When it was last read, as Unix time.', divided(cpuAt ?? memoryAt, 1000));
  if (cgroup !== undefined) addDetails(exposition, labels, counter, gauge, cgroupDetails(tree, cgroup));
}

type Add = (name: string, help: string, value: number | undefined, at?: number) => void;

function addDetails(exposition: Exposition, labels: Labels, counter: Add, gauge: Add, details: CgroupDetails): void {
  counter('container_cpu_user_seconds_total', 'CPU time used by programs.', details.user);
  counter('container_cpu_system_seconds_total', 'CPU time used by the kernel.', details.system);
  counter('container_cpu_cfs_periods_total', 'Periods of its CPU quota.', details.throttling?.periods);
  counter('container_cpu_cfs_throttled_periods_total', 'Periods in which its CPU quota was used up.', details.throttling?.throttledPeriods);
  counter('container_cpu_cfs_throttled_seconds_total', 'How long it was held back by its CPU quota.', details.throttling?.throttledSeconds);
  gauge('container_memory_cache', 'Pages of files.', details.cache);
  gauge('container_memory_mapped_file', 'Pages of mapped files.', details.mappedFile);
  gauge('container_memory_max_usage_bytes', 'The most memory that was in use.', details.maxUsage);
  counter('container_memory_failcnt', 'How often the memory limit was met.', details.failcnt);
  counter('container_oom_events_total', 'Processes killed for lack of memory.', details.oomEvents);
  gauge('container_spec_cpu_shares', 'Its share of CPU time.', details.spec.shares);
  gauge('container_spec_cpu_quota', 'Its CPU quota in microseconds a period.', details.spec.quota);
  gauge('container_spec_cpu_period', 'The period of its CPU quota in microseconds.', details.spec.period);
  gauge('container_spec_memory_limit_bytes', 'Its memory limit; 0: none.', details.spec.memoryLimit ?? 0);
  gauge('container_processes', 'Its processes.', details.processes);
  gauge('container_threads', 'Its threads.', details.threads);
  gauge('container_threads_max', 'The most threads that it may have.', details.threadsMax);
  for (const { device, readBytes, writtenBytes, reads, writes } of details.devices) {
    const on = adder(exposition, 'counter', { ...labels, device });
    on('container_fs_reads_bytes_total', 'Bytes read from a device.', readBytes);
    on('container_fs_writes_bytes_total', 'Bytes written to a device.', writtenBytes);
    on('container_fs_reads_total', 'Reads from a device.', reads);
    on('container_fs_writes_total', 'Writes to a device.', writes);
  }
}

function addPressure(exposition: Exposition, labels: Labels, resource: string, psi: Pressure | undefined): void {
  const counter = adder(exposition, 'counter', labels);
  counter(
    `container_pressure_${resource}_waiting_seconds_total`,
    `How long some of its tasks waited for ${resource}.`,
    divided(psi?.some.total, 1e9),
  );
  counter(
    `container_pressure_${resource}_stalled_seconds_total`,
    `How long all of its tasks waited for ${resource}.`,
    divided(psi?.full.total, 1e9),
  );
}

/** What CRI's figures tell, and what only the details do. */
function addNetwork(exposition: Exposition, labels: Labels, network: NetworkStats | undefined, traffic: InterfaceTraffic[] = []): void {
  const told = network?.interfaces ?? [];
  for (const name of new Set([...told, ...traffic].map((each) => each.name))) {
    const { rxBytes, rxErrors, txBytes, txErrors } = told.find((each) => each.name === name) ?? {};
    const { received = {}, sent = {} } = traffic.find((each) => each.name === name) ?? {};
    const counter = adder(exposition, 'counter', { ...labels, interface: name });
    const at = time(network);
    counter('container_network_receive_bytes_total', 'Bytes received.', rxBytes ?? received.bytes, at);
    counter('container_network_receive_packets_total', 'Packets received.', received.packets);
    counter('container_network_receive_packets_dropped_total', 'Packets dropped in receiving.', received.dropped);
    counter('container_network_receive_errors_total', 'Errors in receiving.', rxErrors ?? received.errors, at);
    counter('container_network_transmit_bytes_total', 'Bytes sent.', txBytes ?? sent.bytes, at);
    counter('container_network_transmit_packets_total', 'Packets sent.', sent.packets);
    counter('container_network_transmit_packets_dropped_total', 'Packets dropped in sending.', sent.dropped);
    counter('container_network_transmit_errors_total', 'Errors in sending.', txErrors ?? sent.errors, at);
  }
}

/** Of the writable layer. */
function addFileSystem(exposition: Exposition, labels: Labels, rootfs: FsStats | undefined): void {
  const gauge = adder(exposition, 'gauge', labels);
  const at = time(rootfs);
  gauge('container_fs_usage_bytes', 'Bytes in the writable layer.', rootfs?.usedBytes, at);
  gauge('container_fs_limit_bytes', 'Bytes that its file system has.', rootfs?.capacityBytes, at);
  gauge('container_fs_inodes_free', 'Inodes that its file system has left.', rootfs?.inodesFree, at);
  gauge('container_fs_inodes_total', 'Inodes that its file system has.', rootfs?.inodes, at);
}

function adder(exposition: Exposition, type: 'counter' | 'gauge', labels: Labels): Add {
  return (name, help, value, at) => exposition.add(type, name, help, labels, value, at);
}

function divided(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value / by;
}

function time(figure: { time: string } | undefined): number | undefined {
  return figure && Date.parse(figure.time);
}

function seconds(text: string): number {
  return Date.parse(text) / 1000;
}
