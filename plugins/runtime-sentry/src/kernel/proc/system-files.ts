import { type Machine, release, version } from '../machine.ts';

/** What of the machine a file shows besides itself. */
interface Load {
  /** Processes of the container. */
  processes: number;
  /** The highest process number. */
  lastProcess: number;
}

type Content = (machine: Machine, load: Load) => string;

/** The files of /proc that are about the system, by path below /proc. Pure. */
export const systemFiles: Readonly<Record<string, Content>> = {
  version: () => `Linux version ${release} (berth@sentry) ${version}\n`,
  uptime: ({ bootedAt }) => `${seconds(bootedAt)} ${seconds(bootedAt)}\n`,
  loadavg: (_, { processes, lastProcess }) => `0.00 0.00 0.00 1/${processes} ${lastProcess}\n`,
  meminfo: ({ memory }) =>
    ['MemTotal', 'MemFree', 'MemAvailable'].map((name) => line(name, memory)).join('') +
    ['Buffers', 'Cached', 'SwapCached', 'SwapTotal', 'SwapFree'].map((name) => line(name, 0)).join(''),
  cpuinfo: ({ processors }) => Array.from({ length: processors }, (_, number) => processor(number, processors)).join('\n'),
  stat: ({ bootedAt, processors }, { processes, lastProcess }) =>
    ['cpu ', ...Array.from({ length: processors }, (_, number) => `cpu${number}`)].map((name) => `${name} 0 0 0 0 0 0 0 0 0 0\n`).join('') +
    `intr 0\nctxt 0\nbtime ${Math.floor(bootedAt)}\nprocesses ${lastProcess}\nprocs_running ${processes}\nprocs_blocked 0\n`,
  filesystems: () => 'nodev\tproc\nnodev\ttmpfs\nnodev\toverlay\n',
  'sys/kernel/hostname': ({ hostname }) => `${hostname}\n`,
  'sys/kernel/osrelease': () => `${release}\n`,
  'sys/kernel/ostype': () => 'Linux\n',
  'sys/kernel/version': () => `${version}\n`,
  'sys/kernel/pid_max': () => '4194304\n',
};

function seconds(since: number): string {
  return (Date.now() / 1000 - since).toFixed(2);
}

function line(name: string, bytes: number): string {
  return `${`${name}:`.padEnd(15)} ${String(Math.floor(bytes / 1024)).padStart(9)} kB\n`;
}

function processor(number: number, count: number): string {
  return `processor\t: ${number}\nvendor_id\t: berth-sentry\nmodel name\t: berth-sentry\nsiblings\t: ${count}\ncpu cores\t: ${count}\n`;
}
