import { closeSync, constants, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import type { CreateContainer, Stream } from '@berth/sdk/guest';
import { bundlePath, containerShare, processLink, sharePath } from '../guest/paths.ts';
import { cgroupRoot } from './containers-cgroup.ts';
import { detachMount, killProcess, makeFifo, reap } from './libc.ts';
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
  #atWork: Promise<void> = Promise.resolve();
  #removal: Promise<void> | undefined;
  #cgroup: string | undefined;
  #pid: number | undefined;
  #outputs: Outputs | undefined;
  #sent: Promise<void> = Promise.resolve();
  #stdin: number | undefined;

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

  /** Sees whether its first process has ended. */
  reap(): void {
    const exitCode = this.#pid === undefined ? undefined : reap(this.#pid);
    if (exitCode !== undefined) void this.#ended(exitCode);
  }

  /** Ends a `create` or `start` that is still at it. A removal that has failed can be tried again. */
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
    this.#atWork = done.catch(() => undefined);
    await done;
    if (this.#removed.signal.aborted) throw this.#isRemoved();
  }

  #isRemoved(): PluginError {
    return new PluginError('ABORTED', 'it is being removed', { object: `container ${this.id.slice(0, 12)}` });
  }

  async #create({ config, stdin }: CreateContainer): Promise<void> {
    mkdirSync(this.bundle, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.bundle, 'config.json'), config);
    this.#cgroup = cgroupIn(config);
    this.#stdin = stdin ? openStdin(this.bundle) : undefined;
    const outputs = new Outputs(this.bundle, this.id);
    this.#outputs = outputs;
    const pidFile = join(this.bundle, 'pid');
    try {
      await oci(['create', `--bundle=${this.bundle}`, `--pid-file=${pidFile}`, this.id], {
        logFile: this.#logFile,
        streams: [this.#stdin ?? 'ignore', ...outputs.writeEnds],
        signal: this.#removed.signal,
      });
    } finally {
      this.#sent = outputs.sendTo(this.#port);
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
    if (this.#stdin !== undefined) closeSync(this.#stdin);
    this.#stdin = undefined;
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

function cgroupIn(config: Uint8Array): string {
  const { linux } = JSON.parse(Buffer.from(config).toString()) as { linux: { cgroupsPath: string } };
  return join(cgroupRoot, linux.cgroupsPath);
}

/** Both ends of a pipe in one descriptor: a reader waits, and never sees an end. */
function openStdin(directory: string): number {
  const path = join(directory, 'stdin');
  makeFifo(path);
  return openSync(path, constants.O_RDWR);
}
