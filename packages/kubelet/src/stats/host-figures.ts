import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupUsage } from '@berth/sdk/cgroup/cgroup-usage';
import { readKeyed, readPressure } from '@berth/sdk/cgroup/kernel-file';
import type { Usage } from '@berth/sdk/cgroup/usage';
import { apiTime } from '../pod.ts';
import type { RlimitStats } from './summary.ts';

/** The kernel's USER_HZ, in which /proc/stat counts. */
const tickNanoseconds = 10_000_000n;

/** Where the kernel shows the host. */
export interface HostFiles {
  /** `/proc` */
  proc: string;
  /** `/sys/fs/cgroup` */
  cgroupMount: string;
}

/** What the whole host uses. The limit of its memory is what it has. */
export async function hostUsage({ proc, cgroupMount }: HostFiles): Promise<Usage> {
  const at = new Date();
  const root = cgroupUsage('/', cgroupMount);
  const cpu = root?.cpu ?? (await cpuOf(proc));
  const memory = await memoryOf(proc, root);
  const [cpuPressure, memoryPressure, ioPressure] = ['cpu', 'memory', 'io'].map((name) => readPressure(join(proc, 'pressure'), name));
  return {
    at,
    ...(cpu && { cpu: { ...cpu, ...(cpuPressure && { pressure: cpuPressure }) } }),
    ...memory,
    ...(memory.memory && memoryPressure && { memory: { ...memory.memory, pressure: memoryPressure } }),
    ...(ioPressure && { io: { pressure: ioPressure } }),
  };
}

/** How many processes there may be and are; undefined where /proc doesn't tell. */
export async function processLimits({ proc }: HostFiles, now: Date): Promise<RlimitStats | undefined> {
  const [pidMax, threadsMax, load] = await Promise.all(
    ['sys/kernel/pid_max', 'sys/kernel/threads-max', 'loadavg'].map((name) => readFile(join(proc, name), 'utf8').catch(() => '')),
  );
  const limits = [pidMax, threadsMax].map((text) => Number.parseInt(text ?? '', 10)).filter(Number.isFinite);
  const [, current] = /\d+\/(\d+)/.exec(load ?? '') ?? [];
  if (limits.length === 0 && current === undefined) return undefined;
  return {
    time: apiTime(now),
    ...(limits.length > 0 && { maxpid: Math.min(...limits) }),
    ...(current !== undefined && { curproc: Number(current) }),
  };
}

/** When the host was booted. */
export async function bootTime({ proc }: HostFiles): Promise<Date> {
  const [, seconds] = /^btime (\d+)$/m.exec(await readFile(join(proc, 'stat'), 'utf8').catch(() => '')) ?? [];
  return new Date(Number(seconds ?? 0) * 1000);
}

/** All states but idle and iowait; guests' time is in user's. */
async function cpuOf(proc: string): Promise<Usage['cpu']> {
  const [, text] = /^cpu +(.*)$/m.exec(await readFile(join(proc, 'stat'), 'utf8').catch(() => '')) ?? [];
  if (text === undefined) return undefined;
  const [user = 0n, nice = 0n, system = 0n, , , irq = 0n, softirq = 0n, steal = 0n] = text.split(' ').map(BigInt);
  return { total: (user + nice + system + irq + softirq + steal) * tickNanoseconds };
}

/** A root cgroup of v2 doesn't say what memory is in use; meminfo does, in KiB. */
async function memoryOf(proc: string, root: Usage | undefined): Promise<Pick<Usage, 'memory' | 'swap'>> {
  const text = await readFile(join(proc, 'meminfo'), 'utf8').catch(() => '');
  const info = new Map([...text.matchAll(/^(\S+): +(\d+) kB$/gm)].map(([, key = '', value = '0']) => [key, BigInt(value) * 1024n]));
  const of = (key: string): bigint => info.get(key) ?? 0n;
  if (!info.has('MemTotal')) return { ...(root?.memory && { memory: root.memory }) };
  const limit = of('MemTotal');
  const events = readKeyed(proc, 'vmstat');
  const used = limit - of('MemFree');
  const read = {
    used,
    workingSet: used > of('Inactive(file)') ? used - of('Inactive(file)') : 0n,
    rss: of('AnonPages'),
    pageFaults: events?.get('pgfault') ?? 0n,
    majorPageFaults: events?.get('pgmajfault') ?? 0n,
  };
  return {
    memory: { ...read, ...root?.memory, limit },
    swap: { used: of('SwapTotal') - of('SwapFree'), limit: of('SwapTotal') },
  };
}
