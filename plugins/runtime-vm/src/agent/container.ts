import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { usageV2 } from '@berth/sdk/cgroup/usage-v2';
import { PluginError } from '@berth/sdk/errors';
import type { CreateContainer, Stream, Usage } from '@berth/sdk/guest';
import type { OciConfig } from '@berth/shim/oci/config-json';
import { bundlePath, containerShare, processLink, sharePath } from '../guest/paths.ts';
import { cgroupRoot } from './containers-cgroup.ts';
import { InputPipe } from './input.ts';
import { detachMount, killProcess, reap } from './libc.ts';
import { oci } from './oci.ts';
import { Outputs } from './output.ts';
import type { Port } from './port.ts';

const reapDelaysMs = [0, 5, 10, 20];

/** A container of the pod: its bundle, its OCI runtime's part, and its output on the way to the monitor. */
export class Container {
  readonly id: string;
  readonly bundle: string;
  readonly #port: Port;
  readonly #removed = new AbortController();
  /** Never rejects. */
  #atWork: Promise<unknown> = Promise.resolve();
  #removal: Promise<void> | undefined;
  #cgroup: string | undefined;
  #pid: number | undefined;
  #input: InputPipe | undefined;
  #outputs: Outputs | undefined;
  #sent: Promise<void> = Promise.resolve();

  constructor(id: string, port: Port) {
    this.id = id;
    this.bundle = bundlePath(id);
    this.#port = port;
  }

  /** Undefined before it is made and after it has ended. */
  get pid(): number | undefined {
    return this.#pid;
  }

  async create(request: CreateContainer): Promise<void> {
    await this.#unlessRemoved(() => this.#create(request));
  }

  async start(): Promise<void> {
    await this.#unlessRemoved(() => oci(['start', this.id], { logFile: this.#logFile, signal: this.#removed.signal }));
  }

  signal(number: number): void {
    if (this.#pid !== undefined) killProcess(this.#pid, number);
  }

  grant(stream: Stream, bytes: number): void {
    this.#outputs?.grant(stream, bytes);
  }

  async write(data: Uint8Array, end: boolean): Promise<void> {
    await this.#input?.write(data);
    if (end) this.#input?.end();
  }

  /** `resources`: the OCI specification's, as JSON. */
  async update(resources: Uint8Array): Promise<void> {
    const file = join(this.bundle, 'resources.json');
    await this.#unlessRemoved(() => {
      writeFileSync(file, resources);
      return oci(['update', `--resources=${file}`, this.id], { logFile: this.#logFile, signal: this.#removed.signal });
    });
  }

  /** Undefined once it has ended. */
  usage(): Usage | undefined {
    const usage = this.#pid === undefined ? undefined : this.#withCgroup(usageV2);
    if (!usage) return undefined;
    const { cpu, memory, processes = 0n } = usage;
    return {
      cpuTotal: cpu?.total ?? 0n,
      memoryUsed: memory?.used ?? 0n,
      workingSet: memory?.workingSet ?? 0n,
      rss: memory?.rss ?? 0n,
      memoryLimit: memory?.limit ?? 0n,
      pageFaults: memory?.pageFaults ?? 0n,
      majorPageFaults: memory?.majorPageFaults ?? 0n,
      processes,
    };
  }

  /** Sees whether its first process has ended. */
  reap(): void {
    const exitCode = this.#pid === undefined ? undefined : reap(this.#pid);
    if (exitCode !== undefined) void this.#ended(exitCode);
  }

  /** Ends a `create`, `start` or `update` that is still at it. A removal that has failed can be tried again. */
  async remove(): Promise<void> {
    this.#removal ??= this.#remove();
    try {
      await this.#removal;
    } catch (error) {
      this.#removal = undefined;
      throw error;
    }
  }

  async #unlessRemoved(work: () => Promise<void>): Promise<void> {
    if (this.#removed.signal.aborted) throw this.#isRemoved();
    const done = work();
    this.#atWork = Promise.allSettled([this.#atWork, done]);
    await done;
    if (this.#removed.signal.aborted) throw this.#isRemoved();
  }

  #isRemoved(): PluginError {
    return new PluginError('ABORTED', 'it is being removed', { object: `container ${this.id.slice(0, 12)}` });
  }

  async #create({ config, stdin }: CreateContainer): Promise<void> {
    mkdirSync(this.bundle, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.bundle, 'config.json'), config);
    const ociConfig = JSON.parse(Buffer.from(config).toString()) as OciConfig;
    this.#cgroup = cgroupIn(ociConfig);
    holdShared(ociConfig);
    this.#input = stdin ? new InputPipe(this.bundle) : undefined;
    const outputs = new Outputs(this.bundle, this.id, this.#port);
    this.#outputs = outputs;
    const pidFile = join(this.bundle, 'pid');
    try {
      await oci(['create', `--bundle=${this.bundle}`, `--pid-file=${pidFile}`, this.id], {
        logFile: this.#logFile,
        streams: [this.#input?.readEnd ?? 'ignore', ...outputs.writeEnds],
        signal: this.#removed.signal,
      });
    } finally {
      this.#input?.handedOn();
      this.#sent = outputs.send();
      void this.#sent.then(() => this.#reapSoon());
    }
    this.#pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
    symlinkSync(`/proc/${this.#pid}`, processLink(this.id));
  }

  /** A process closes its outputs a little before it can be waited for. */
  async #reapSoon(): Promise<void> {
    for (const milliseconds of reapDelaysMs) {
      await delay(milliseconds);
      this.reap();
    }
  }

  async #ended(exitCode: number): Promise<void> {
    this.#pid = undefined;
    this.#killRest();
    await this.#sent;
    await this.#port.send({ $case: 'exited', value: { process: this.id, exitCode, oom: this.#hadOom() } });
  }

  async #remove(): Promise<void> {
    this.#removed.abort();
    // Otherwise what it makes would outlive this.
    await this.#atWork;
    // The OCI runtime doesn't know a container whose making was cut off.
    this.#killRest();
    await oci(['delete', '--force', this.id], { logFile: this.#logFile });
    this.#outputs?.close();
    this.#input?.close();
    rmSync(this.bundle, { recursive: true, force: true });
    // The host's file system below it is in use as long as the guest has it mounted.
    detachMount(join(sharePath, containerShare(this.id)));
  }

  get #logFile(): string {
    return join(this.bundle, 'crun.log');
  }

  /** Where containers share a PID namespace, the others don't end with its first process. */
  #killRest(): void {
    this.#withCgroup((cgroup) => writeFileSync(join(cgroup, 'cgroup.kill'), '1'));
  }

  #hadOom(): boolean {
    const events = this.#withCgroup((cgroup) => readFileSync(join(cgroup, 'memory.events'), 'utf8'));
    return events !== undefined && /^oom_kill [1-9]/m.test(events);
  }

  /** Undefined where there is none: it goes when the container is removed, which its end may overlap. */
  #withCgroup<Result>(work: (cgroup: string) => Result): Result | undefined {
    try {
      return this.#cgroup === undefined ? undefined : work(this.#cgroup);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENODEV') return undefined;
      throw error;
    }
  }
}

function cgroupIn({ linux }: OciConfig): string {
  return join(cgroupRoot, linux.cgroupsPath);
}

/**
 * Mounts the parts of the share that a container uses here too: they are mounts of their own, made where they are first looked into. One that is in
 * the container's mount namespace alone would end with its last process, whose files virtiofsd may still be closing, which is a BUG of the kernel.
 */
function holdShared({ root, mounts }: OciConfig): void {
  const shared = [root.path, ...mounts.map(({ source }) => source)].filter((path) => path?.startsWith(`${sharePath}/`));
  // The dot makes it looked into.
  for (const path of shared) if (statSync(path).isDirectory()) statSync(`${path}/.`);
}
