import { onAbort, unlessAborted } from '@berth/sdk/abort';
import { Bell } from '@berth/sdk/bell';
import { PluginError } from '@berth/sdk/errors';
import { deviceFileOf, type Inventory } from './discovery/gpu.ts';
import { GpuLinks } from './discovery/gpu-links.ts';
import type { GpuSource } from './discovery/gpu-source.ts';
import type { DeviceHealth, Judged } from './health/device-health.ts';
import type { HostRoot } from './host-root.ts';

/** A driver that takes longer to answer is as good as away. */
const inventoryDeadlineMs = 10_000;
/** Device files are looked for more often: /dev tells of every write to /dev/null, too, so it isn't watched. */
const betweenFileLooksMs = 250;

/** What was found at one look. */
export interface Snapshot extends Judged {
  readonly links: GpuLinks;
}

interface GpuWatchParts {
  source: GpuSource;
  host: HostRoot;
  health: DeviceHealth;
  intervalMs: number;
  log(message: string): void;
}

/** Looks at the GPUs again and again, and at once where an error of one is told, or a device file comes or goes. */
export class GpuWatch {
  readonly #parts: GpuWatchParts;
  readonly #bell = new Bell();
  #errorNoted = false;
  #inventory: Inventory = { driverVersion: undefined, gpus: [] };
  /** A look that the driver still owes. */
  #pending: Promise<Inventory> | undefined;
  #links = new GpuLinks([]);
  #linked = '';
  #pendingLinks: Promise<void> | undefined;

  constructor(parts: GpuWatchParts) {
    this.#parts = parts;
  }

  /** Looks until `signal` aborts. */
  async *snapshots(signal: AbortSignal): AsyncGenerator<Snapshot, void> {
    const over = new AbortController();
    const release = onAbort([signal], () => over.abort());
    const errors = this.#followErrors(over.signal);
    try {
      while (!signal.aborted) {
        const snapshot = await this.look(signal);
        if (signal.aborted) return;
        yield snapshot;
        await this.#untilDue(signal);
      }
    } finally {
      release();
      over.abort();
      await errors;
    }
  }

  /** Looks once. Where the driver gives no answer, all GPUs that it told of before have that problem. */
  async look(signal: AbortSignal): Promise<Snapshot> {
    const { source, health, host, log } = this.#parts;
    try {
      this.#inventory = await this.#ask(signal);
      await this.#renewLinks(signal);
    } catch (thrown) {
      const problem = PluginError.from(thrown).message;
      if (!signal.aborted) log(`GPUs can't be looked at by ${source.name}: ${problem}`);
      this.#inventory = { ...this.#inventory, gpus: this.#inventory.gpus.map((gpu) => ({ ...gpu, problem })) };
    }
    const judged = health.judge(this.#inventory, { has: (path) => host.isCharacterDevice(path) }, performance.now());
    return { ...judged, links: this.#links };
  }

  /** Only one look at a time: each that hangs would hold a thread. */
  async #ask(signal: AbortSignal): Promise<Inventory> {
    this.#pending ??= this.#parts.source.inventory(signal).finally(() => {
      this.#pending = undefined;
    });
    const late = new PluginError('DEADLINE_EXCEEDED', `no answer within ${inventoryDeadlineMs / 1000} s`);
    return this.#unlessLate(this.#pending, late, signal);
  }

  /** The old ones count until there are others: containers can do without the closest ones. Never rejects, and waits for an answer that is late only once. */
  async #renewLinks(signal: AbortSignal): Promise<void> {
    const { source, log } = this.#parts;
    if (this.#pendingLinks !== undefined || signal.aborted) return;
    const late = new PluginError('DEADLINE_EXCEEDED', `no answer about links within ${inventoryDeadlineMs / 1000} s`);
    try {
      await this.#unlessLate(this.#askForLinks(signal), late, signal);
    } catch (thrown) {
      if (!signal.aborted) log(`links of GPUs aren't told by ${source.name}: ${PluginError.from(thrown).message}`);
    }
  }

  async #askForLinks(signal: AbortSignal): Promise<void> {
    const { gpus } = this.#inventory;
    const linked = gpus.map(({ id }) => id).join();
    if (linked === this.#linked) return;
    const asked = this.#parts.source.links(gpus, signal).then((links) => {
      this.#links = links;
      this.#linked = linked;
    });
    this.#pendingLinks = asked.finally(() => {
      this.#pendingLinks = undefined;
    });
    await this.#pendingLinks;
  }

  async #unlessLate<Value>(answer: Promise<Value>, late: PluginError, signal: AbortSignal): Promise<Value> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(late), inventoryDeadlineMs);
    try {
      return await unlessAborted(answer, AbortSignal.any([signal, deadline.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  async #followErrors(signal: AbortSignal): Promise<void> {
    const { source, health, log } = this.#parts;
    try {
      for await (const error of source.errors(signal)) {
        if (!health.noteError(error, performance.now())) continue;
        log(`XID ${error.xid} of ${error.gpu ?? 'some GPU'}`);
        this.#errorNoted = true;
        this.#bell.ring();
      }
    } catch (thrown) {
      if (!signal.aborted) log(`errors of GPUs stay unknown: ${PluginError.from(thrown).message}`);
    }
  }

  /** Until the interval is over, or there is something to look at. */
  async #untilDue(signal: AbortSignal): Promise<void> {
    const due = performance.now() + this.#parts.intervalMs;
    const files = this.#filesThere();
    const looking = setInterval(() => this.#bell.ring(), Math.min(betweenFileLooksMs, this.#parts.intervalMs));
    try {
      const isDue = () => signal.aborted || this.#errorNoted || performance.now() >= due || this.#filesThere() !== files;
      while (!isDue()) await this.#bell.wait(signal);
    } finally {
      clearInterval(looking);
    }
    this.#errorNoted = false;
  }

  #filesThere(): string {
    const ofGpus = this.#inventory.gpus.flatMap((gpu) => [deviceFileOf(gpu), ...gpu.migDevices.flatMap((mig) => mig.capabilityFiles)]);
    const needed = ['/dev/nvidiactl', ...ofGpus];
    return needed.filter((path) => this.#parts.host.isCharacterDevice(path)).join();
  }
}
