import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CreateContainer, Stream, type Usage } from '@berth/sdk/guest';
import { usageV2 } from '@berth/shim/cgroup/usage-v2';
import type { OciConfig } from '@berth/shim/oci/config-json';
import { bundlePath, containerShare, processLink, sharePath } from '../guest/paths.ts';
import { InputPipe } from './input.ts';
import { detachMount, killProcess, reap } from './libc.ts';
import { oci } from './oci.ts';
import { OutputPipe } from './output.ts';
import type { Port } from './port.ts';

const reapDelaysMs = [0, 5, 10, 20];

/** A container of the pod: its bundle, its OCI runtime's part, and its output on the way to the monitor. */
export class Container {
  readonly id: string;
  readonly bundle: string;
  readonly #port: Port;
  #pid: number | undefined;
  #outputs: OutputPipe[] = [];
  #copied: Promise<unknown> = Promise.resolve();
  #input: InputPipe | undefined;

  constructor(id: string, port: Port) {
    this.id = id;
    this.bundle = bundlePath(id);
    this.#port = port;
  }

  /** Undefined before it is made and after it has ended. */
  get pid(): number | undefined {
    return this.#pid;
  }

  async create({ config, stdin }: CreateContainer): Promise<void> {
    mkdirSync(this.bundle, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.bundle, 'config.json'), config);
    holdShared(config);
    this.#outputs = [Stream.STREAM_STDOUT, Stream.STREAM_STDERR].map((stream) => new OutputPipe(this.bundle, this.id, stream, this.#port));
    this.#input = stdin ? new InputPipe(this.bundle) : undefined;
    const pidFile = join(this.bundle, 'pid');
    try {
      const [stdout, stderr] = this.#outputs.map(({ writeEnd }) => writeEnd) as [number, number];
      await oci(['create', `--bundle=${this.bundle}`, `--pid-file=${pidFile}`, this.id], this.#logFile, [
        this.#input?.readEnd ?? 'ignore',
        stdout,
        stderr,
      ]);
    } finally {
      this.#input?.closeReadEnd();
      for (const output of this.#outputs) output.closeWriteEnd();
      this.#copied = Promise.all(this.#outputs.map((output) => output.copy()));
      void this.#copied.then(() => this.#reapSoon());
    }
    this.#pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
    symlinkSync(`/proc/${this.#pid}`, processLink(this.id));
  }

  async start(): Promise<void> {
    await oci(['start', this.id], this.#logFile);
  }

  signal(number: number): void {
    if (this.#pid !== undefined) killProcess(this.#pid, number);
  }

  grant(stream: Stream, bytes: number): void {
    this.#outputs[stream === Stream.STREAM_STDOUT ? 0 : 1]?.grant(bytes);
  }

  async write(data: Uint8Array, end: boolean): Promise<void> {
    await this.#input?.write(data);
    if (end) this.#input?.end();
  }

  /** `resources`: the OCI specification's, as JSON. */
  async update(resources: Uint8Array): Promise<void> {
    const file = join(this.bundle, 'resources.json');
    writeFileSync(file, resources);
    await oci(['update', `--resources=${file}`, this.id], this.#logFile);
  }

  /** Undefined once it has ended. */
  usage(): Usage | undefined {
    const usage = this.#pid === undefined ? undefined : usageV2(this.#cgroup);
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
    await this.#copied;
    await this.#port.send({ $case: 'exited', value: { process: this.id, exitCode, oom: this.#hadOom() } });
  }

  async remove(): Promise<void> {
    await oci(['delete', '--force', this.id], this.#logFile).catch(() => undefined);
    this.#input?.end();
    rmSync(this.bundle, { recursive: true, force: true });
    // The host's file system below it is in use as long as the guest has it mounted.
    detachMount(join(sharePath, containerShare(this.id)));
  }

  get #logFile(): string {
    return join(this.bundle, 'crun.log');
  }

  /** Where containers share a PID namespace, the others don't end with its first process. */
  #killRest(): void {
    writeFileSync(join(this.#cgroup, 'cgroup.kill'), '1');
  }

  #hadOom(): boolean {
    return /^oom_kill [1-9]/m.test(readFileSync(join(this.#cgroup, 'memory.events'), 'utf8'));
  }

  /** There until the container is removed. */
  get #cgroup(): string {
    const { linux } = JSON.parse(readFileSync(join(this.bundle, 'config.json'), 'utf8')) as { linux: { cgroupsPath: string } };
    return join('/sys/fs/cgroup', linux.cgroupsPath);
  }
}

/**
 * Mounts the parts of the share that a container uses here too: they are mounts of their own, made where they are first looked into. One that is in
 * the container's mount namespace alone would end with its last process, whose files virtiofsd may still be closing, which is a BUG of the kernel.
 */
function holdShared(config: Uint8Array): void {
  const { root, mounts } = JSON.parse(Buffer.from(config).toString()) as OciConfig;
  const shared = [root.path, ...mounts.map(({ source }) => source)].filter((path) => path?.startsWith(`${sharePath}/`));
  // The dot makes it looked into.
  for (const path of shared) if (statSync(path).isDirectory()) statSync(`${path}/.`);
}
