import { readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { countLines, readKeyed, readNumber, readText } from '@berth/sdk/cgroup/kernel-file';
import type { CgroupTree } from './cgroup-tree.ts';

/** What has gone through a block device for a cgroup. */
interface DeviceTraffic {
  /** `/dev/vda` */
  device: string;
  readBytes: number;
  writtenBytes: number;
  reads: number;
  writes: number;
}

/** What a cgroup tells besides its usage, as cAdvisor's metrics have it. What it doesn't tell is left out. Times are in seconds, sizes in bytes. */
export interface CgroupDetails {
  user?: number;
  system?: number;
  /** Only where there is a quota. */
  throttling?: { periods: number; throttledPeriods: number; throttledSeconds: number };
  cache?: number;
  mappedFile?: number;
  failcnt?: number;
  maxUsage?: number;
  oomEvents?: number;
  spec: { shares?: number; quota?: number; period?: number; memoryLimit?: number };
  processes?: number;
  threads?: number;
  threadsMax?: number;
  devices: DeviceTraffic[];
}

/** "No limit" of v1 is the largest number of whole pages. */
const noLimit = 2 ** 62;

/** The details of a cgroup of either version. */
export function cgroupDetails(tree: CgroupTree, path: string): CgroupDetails {
  return tree.unified ? detailsV2(tree.directory('', path)) : detailsV1(tree, path);
}

function detailsV2(directory: string): CgroupDetails {
  const cpu = readKeyed(directory, 'cpu.stat');
  const memory = readKeyed(directory, 'memory.stat');
  const [quota, period] = (readText(directory, 'cpu.max') ?? '').trim().split(' ');
  const limited = quota !== undefined && /^\d+$/.test(quota);
  const weight = number(readNumber(directory, 'cpu.weight'));
  return {
    ...known('user', seconds(cpu?.get('user_usec'), 1e6)),
    ...known('system', seconds(cpu?.get('system_usec'), 1e6)),
    ...(limited && { throttling: throttling(cpu, 'throttled_usec', 1e6) }),
    ...known('cache', number(memory?.get('file'))),
    ...known('mappedFile', number(memory?.get('file_mapped'))),
    ...known('failcnt', number(readKeyed(directory, 'memory.events')?.get('max'))),
    ...known('maxUsage', number(readNumber(directory, 'memory.peak'))),
    ...known('oomEvents', number(readKeyed(directory, 'memory.events')?.get('oom_kill'))),
    spec: {
      // The inverse of how shares become a weight.
      ...known('shares', weight === undefined ? undefined : Math.round(2 + ((weight - 1) * 262_142) / 9999)),
      ...(limited && { quota: Number(quota), period: Number(period) }),
      ...known('memoryLimit', number(readNumber(directory, 'memory.max'))),
    },
    ...tasks(directory, 'cgroup.threads'),
    ...known('threadsMax', number(readNumber(directory, 'pids.max'))),
    devices: ioStat(readText(directory, 'io.stat') ?? ''),
  };
}

function detailsV1(tree: CgroupTree, path: string): CgroupDetails {
  const at = (controller: string): string => tree.directory(controller, path);
  const [ticks, memory] = [readKeyed(at('cpuacct'), 'cpuacct.stat'), readKeyed(at('memory'), 'memory.stat')];
  const quota = Number.parseInt(readText(at('cpu'), 'cpu.cfs_quota_us') ?? '-1', 10);
  const limit = number(readNumber(at('memory'), 'memory.limit_in_bytes'));
  return {
    ...known('user', seconds(ticks?.get('user'), 100)),
    ...known('system', seconds(ticks?.get('system'), 100)),
    ...(quota > 0 && { throttling: throttling(readKeyed(at('cpu'), 'cpu.stat'), 'throttled_time', 1e9) }),
    ...known('cache', number(memory?.get('total_cache'))),
    ...known('mappedFile', number(memory?.get('total_mapped_file'))),
    ...known('failcnt', number(readNumber(at('memory'), 'memory.failcnt'))),
    ...known('maxUsage', number(readNumber(at('memory'), 'memory.max_usage_in_bytes'))),
    ...known('oomEvents', number(readKeyed(at('memory'), 'memory.oom_control')?.get('oom_kill'))),
    spec: {
      ...known('shares', number(readNumber(at('cpu'), 'cpu.shares'))),
      ...(quota > 0 && { quota }),
      ...known('period', number(readNumber(at('cpu'), 'cpu.cfs_period_us'))),
      ...(limit !== undefined && limit < noLimit && { memoryLimit: limit }),
    },
    ...tasks(at('cpuacct'), 'tasks'),
    ...known('threadsMax', number(readNumber(at('pids'), 'pids.max'))),
    devices: blkio(
      readText(at('blkio'), 'blkio.throttle.io_service_bytes') ?? '',
      readText(at('blkio'), 'blkio.throttle.io_serviced') ?? '',
    ),
  };
}

function throttling(stat: Map<string, bigint> | undefined, time: string, unit: number): NonNullable<CgroupDetails['throttling']> {
  return {
    periods: Number(stat?.get('nr_periods') ?? 0n),
    throttledPeriods: Number(stat?.get('nr_throttled') ?? 0n),
    throttledSeconds: Number(stat?.get(time) ?? 0n) / unit,
  };
}

function tasks(directory: string, threads: string): Pick<CgroupDetails, 'processes' | 'threads'> {
  return {
    ...known('processes', number(countLines(directory, 'cgroup.procs'))),
    ...known('threads', number(countLines(directory, threads))),
  };
}

/** `253:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0` */
function ioStat(text: string): DeviceTraffic[] {
  return text.split('\n').flatMap((line) => {
    const [id, ...pairs] = line.split(' ');
    if (!id?.includes(':')) return [];
    const of = new Map(pairs.map((pair) => pair.split('=') as [string, string]));
    const value = (key: string): number => Number(of.get(key) ?? 0);
    return [
      { device: deviceName(id), readBytes: value('rbytes'), writtenBytes: value('wbytes'), reads: value('rios'), writes: value('wios') },
    ];
  });
}

/** Lines `253:0 Read 4096` of bytes, and of operations. */
function blkio(bytes: string, operations: string): DeviceTraffic[] {
  const values = (text: string): Map<string, number> =>
    new Map([...text.matchAll(/^(\d+:\d+) (Read|Write) (\d+)$/gm)].map(([, id, kind, value]) => [`${id} ${kind}`, Number(value)]));
  const [size, count] = [values(bytes), values(operations)];
  const ids = new Set([...size.keys()].map((key) => key.split(' ')[0] ?? ''));
  return [...ids].map((id) => ({
    device: deviceName(id),
    readBytes: size.get(`${id} Read`) ?? 0,
    writtenBytes: size.get(`${id} Write`) ?? 0,
    reads: count.get(`${id} Read`) ?? 0,
    writes: count.get(`${id} Write`) ?? 0,
  }));
}

function deviceName(id: string): string {
  try {
    return join('/dev', basename(readlinkSync(join('/sys/dev/block', id))));
  } catch {
    return id;
  }
}

function seconds(value: bigint | undefined, unit: number): number | undefined {
  return value === undefined ? undefined : Number(value) / unit;
}

function number(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function known<Key extends string>(key: Key, value: number | undefined): { [K in Key]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: number });
}
