import { readdirSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, machine, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** Where the kernel and the system tell of the machine; a test puts files of its own there. */
interface MachineRoots {
  proc: string;
  sys: string;
  etc: string;
}

/** Huge pages of one size. */
export interface HugePages {
  /** Bytes of one page. */
  size: bigint;
  /** Pages that the machine has set apart. */
  count: bigint;
}

/** What a machine is and has. Texts are empty where it doesn't say. */
export interface MachineFacts {
  /** Processors that are online. */
  cpus: number;
  /** Bytes. */
  memory: bigint;
  /** Bytes. */
  swap: bigint;
  hugePages: HugePages[];
  /** The most processes and threads at a time; undefined where there is no such limit. */
  pids?: bigint;
  machineId: string;
  systemUuid: string;
  bootId: string;
  kernelVersion: string;
  osImage: string;
  /** As Go names it: `linux`, `darwin`. */
  operatingSystem: string;
  /** As Go names it: `amd64`, `arm64`. */
  architecture: string;
}

const machineRoots: MachineRoots = { proc: '/proc', sys: '/sys', etc: '/etc' };

/** Go's names of architectures that Node calls otherwise. */
const architectures: Record<string, string> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/** Reads a few small files; on a system without them, what Node knows. */
export function readMachineFacts({ proc, sys, etc }: MachineRoots = machineRoots): MachineFacts {
  const memory = readFields(join(proc, 'meminfo'), /^(\w+):\s+(\d+) kB$/gm);
  const kilobytes = (name: string) => BigInt(memory.get(name) ?? 0) * 1024n;
  const pids = pidLimit(proc);
  const machineId = read(join(etc, 'machine-id'));
  return {
    cpus: onlineCpus(read(join(sys, 'devices/system/cpu/online'))) || availableParallelism(),
    memory: kilobytes('MemTotal') || BigInt(totalmem()),
    swap: kilobytes('SwapTotal'),
    hugePages: readHugePages(join(sys, 'kernel/mm/hugepages')),
    ...(pids !== undefined && { pids }),
    machineId,
    systemUuid: read(join(sys, 'class/dmi/id/product_uuid')) || machineId,
    bootId: read(join(proc, 'sys/kernel/random/boot_id')),
    kernelVersion: read(join(proc, 'sys/kernel/osrelease')) || release(),
    osImage: readFields(join(etc, 'os-release'), /^(\w+)="?(.*?)"?$/gm).get('PRETTY_NAME') ?? machine(),
    operatingSystem: platform(),
    architecture: architectures[arch()] ?? arch(),
  };
}

/** Counts a list such as `0-2,7`. */
function onlineCpus(list: string): number {
  return list
    .split(',')
    .filter(Boolean)
    .map((range) => range.split('-').map(Number))
    .reduce((count, [first = 0, last = first]) => count + last - first + 1, 0);
}

function pidLimit(proc: string): bigint | undefined {
  const limits = ['pid_max', 'threads-max'].map((name) => read(join(proc, 'sys/kernel', name))).filter(Boolean);
  return limits.map(BigInt).reduce<bigint | undefined>((least, limit) => (least !== undefined && least < limit ? least : limit), undefined);
}

function readHugePages(directory: string): HugePages[] {
  return list(directory).flatMap((name) => {
    const kilobytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    if (kilobytes === undefined) return [];
    return [{ size: BigInt(kilobytes) * 1024n, count: BigInt(read(join(directory, name, 'nr_hugepages')) || 0) }];
  });
}

function readFields(path: string, line: RegExp): Map<string, string> {
  return new Map([...read(path).matchAll(line)].map(([, name = '', value = '']) => [name, value]));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
