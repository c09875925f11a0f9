import type { Pod } from '@berth/api/objects';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { kubeletRootAnnotation, podUidLabel } from '../cri/labels.ts';
import { apiTime, uidOf } from '../pod.ts';
import type { PodDirectories } from '../pod-directories.ts';
import type { NodeRuntimes } from '../runtime/node-runtimes.ts';
import { figuresOf } from './cgroup-figures.ts';
import { CgroupTree } from './cgroup-tree.ts';
import { DiskUsage } from './disk-usage.ts';
import { FileSystems } from './file-system.ts';
import { bootTime, type HostFiles, hostUsage, processLimits } from './host-figures.ts';
import { imageFileSystems } from './image-file-systems.ts';
import { networkOf } from './network.ts';
import type { NodeReading, PodReading } from './node-reading.ts';
import { PodReader, type PodReaderOptions } from './pod-reader.ts';
import { PodStorage } from './pod-storage.ts';
import { Rates } from './rates.ts';
import { type ReadingDetails, ReadingDetailsReader } from './reading-details.ts';
import { RuntimeFiguresReader } from './runtime-figures.ts';
import { defaultMaxAgeMs, type StatsOptions, type StatsProvider } from './stats-provider.ts';
import { summarize } from './summarize.ts';
import type { NodeStats, Summary } from './summary.ts';
import { type SystemCgroups, systemContainers } from './system-containers.ts';

interface NodeStatsOptions {
  nodeName: string;
  directories: PodDirectories;
  runtimes: NodeRuntimes;
  /** With their specs: volumes and host networks are known by them. */
  pods(): Pod[];
  cgroupOf: PodReaderOptions['cgroupOf'];
  systemCgroups: SystemCgroups;
  clock: Clock;
  log: Logger;
  /** For tests: another host. */
  host?: Partial<HostFiles>;
  /** As in KubeletConfiguration volumeStatsAggPeriod, in milliseconds. */
  volumeStatsAggPeriodMs?: number;
}

interface Kept {
  at: number;
  reading: Promise<NodeReading>;
}

/** The longest that a reading goes on for nobody. */
const readingLimitMs = 30_000;

/** Figures from CRI, the host's cgroups and file systems. */
export class NodeStatsProvider implements StatsProvider {
  readonly #options: NodeStatsOptions;
  readonly #host: HostFiles;
  readonly #tree: CgroupTree;
  readonly #rates = new Rates();
  readonly #disk: DiskUsage;
  readonly #fileSystems: FileSystems;
  readonly #pods: PodReader;
  readonly #details: ReadingDetailsReader;
  readonly #runtimes: RuntimeFiguresReader[];
  readonly #kept = new Map<'whole' | 'short', Kept>();
  readonly #silent = new Set<string>();
  /** Rates go from one reading to the next: two at once would take each other's. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: NodeStatsOptions) {
    const { directories, clock, cgroupOf, host, runtimes, volumeStatsAggPeriodMs } = options;
    this.#fileSystems = new FileSystems(options);
    const fileSystems = this.#fileSystems;
    this.#options = options;
    this.#host = { proc: '/proc', cgroupMount: '/sys/fs/cgroup', ...host };
    this.#tree = new CgroupTree(this.#host.cgroupMount);
    this.#disk = new DiskUsage(clock, volumeStatsAggPeriodMs);
    const storage = new PodStorage(directories, this.#disk, fileSystems);
    this.#pods = new PodReader({ tree: this.#tree, rates: this.#rates, storage, fileSystems, proc: this.#host.proc, clock, cgroupOf });
    this.#details = new ReadingDetailsReader({ clients: runtimes.all(), tree: this.#tree, proc: this.#host.proc });
    this.#runtimes = runtimes.all().map((client) => new RuntimeFiguresReader(client));
  }

  async summary(options: StatsOptions): Promise<Summary> {
    return summarize(await this.reading(options), options.onlyCpuAndMemory === true);
  }

  async reading({ maxAgeMs = defaultMaxAgeMs, onlyCpuAndMemory = false, signal }: StatsOptions): Promise<NodeReading> {
    const now = this.#options.clock.now().getTime();
    const fresh = (kept: Kept | undefined): kept is Kept => kept !== undefined && now >= kept.at && now - kept.at <= maxAgeMs;
    const whole = this.#kept.get('whole');
    const short = this.#kept.get('short');
    if (fresh(whole)) return unlessAborted(whole.reading, signal);
    if (onlyCpuAndMemory && fresh(short)) return unlessAborted(short.reading, signal);
    const reading = this.#last.then(() => this.#read(onlyCpuAndMemory, AbortSignal.timeout(readingLimitMs)));
    this.#last = reading.catch(() => undefined);
    this.#kept.set(onlyCpuAndMemory ? 'short' : 'whole', { at: now, reading });
    // One that failed is nobody's answer but that of those who wait for it.
    reading.catch(() => this.#kept.clear());
    return unlessAborted(reading, signal);
  }

  async details(reading: NodeReading, signal: AbortSignal): Promise<ReadingDetails> {
    return this.#details.read(reading, signal);
  }

  async #read(onlyCpuAndMemory: boolean, signal: AbortSignal): Promise<NodeReading> {
    const { clock, systemCgroups } = this.#options;
    const at = clock.now();
    const [node, system, pods] = await Promise.all([
      this.#node(at, onlyCpuAndMemory, signal),
      systemContainers(systemCgroups, this.#tree, this.#rates),
      Promise.all(this.#runtimes.map((runtime) => this.#podsOf(runtime, onlyCpuAndMemory, signal))),
    ]);
    this.#rates.endRound();
    this.#disk.prune();
    return { at, node, systemContainers: system, pods: pods.flat(), failed: [...this.#silent] };
  }

  async #node(at: Date, onlyCpuAndMemory: boolean, signal: AbortSignal): Promise<NodeStats> {
    const { nodeName, directories, runtimes } = this.#options;
    const usage = await hostUsage(this.#host);
    const short = {
      nodeName,
      startTime: apiTime(await bootTime(this.#host)),
      ...figuresOf(usage, this.#rates.of('/', usage)),
    };
    if (onlyCpuAndMemory) return short;
    const [network, fs, runtime, rlimit] = await Promise.all([
      networkOf('self', this.#host.proc, at),
      this.#fileSystems.of(directories.kubeletRoot, at),
      imageFileSystems(runtimes.default, this.#fileSystems, at, signal),
      processLimits(this.#host, at),
    ]);
    return { ...short, ...(network && { network }), ...(fs && { fs }), runtime, ...(rlimit && { rlimit }) };
  }

  /** Pods of this kubelet: others may use the runtime too. */
  async #podsOf(runtime: RuntimeFiguresReader, onlyCpuAndMemory: boolean, signal: AbortSignal): Promise<PodReading[]> {
    const { directories, pods } = this.#options;
    const figures = await runtime.read(signal).catch((thrown) => this.#failed(runtime.handler, thrown));
    if (!figures) return [];
    this.#silent.delete(runtime.handler);
    const known = new Map(pods().map((pod) => [uidOf(pod), pod]));
    const ours = figures.sandboxes.filter(({ annotations }) => annotations[kubeletRootAnnotation] === directories.kubeletRoot);
    return Promise.all(
      ours.map((sandbox) =>
        this.#pods.read(
          sandbox,
          known.get(sandbox.labels[podUidLabel] ?? ''),
          { client: runtime.client, figures, onlyCpuAndMemory },
          signal,
        ),
      ),
    );
  }

  /** One line as it fails. */
  #failed(handler: string, thrown: unknown): undefined {
    if (!this.#silent.has(handler)) {
      this.#options.log.warn({ handler }, `runtime ${handler} tells no figures: ${PluginError.from(thrown).message}`);
    }
    this.#silent.add(handler);
    return undefined;
  }
}
