import { closeSync, constants, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CreateContainer, Stream } from '@berth/sdk/guest';
import { bundlePath, containerShare, processLink, sharePath } from '../guest/paths.ts';
import { detachMount, killProcess, makeFifo, reap } from './libc.ts';
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

  async create({ config, stdin }: CreateContainer): Promise<void> {
    mkdirSync(this.bundle, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.bundle, 'config.json'), config);
    this.#outputs = [Stream.STREAM_STDOUT, Stream.STREAM_STDERR].map((stream) => new OutputPipe(this.bundle, this.id, stream));
    this.#stdin = stdin ? openStdin(this.bundle) : undefined;
    const pidFile = join(this.bundle, 'pid');
    try {
      const [stdout, stderr] = this.#outputs.map(({ writeEnd }) => writeEnd) as [number, number];
      await oci(['create', `--bundle=${this.bundle}`, `--pid-file=${pidFile}`, this.id], this.#logFile, [
        this.#stdin ?? 'ignore',
        stdout,
        stderr,
      ]);
    } finally {
      for (const output of this.#outputs) output.closeWriteEnd();
      this.#copied = Promise.all(this.#outputs.map((output) => output.copyTo(this.#port)));
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

  /** Sees whether its first process has ended, and the others of its PID namespace with it. */
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
    await this.#copied;
    await this.#port.send({ $case: 'exited', value: { process: this.id, exitCode, oom: this.#hadOom() } });
  }

  async remove(): Promise<void> {
    await oci(['delete', '--force', this.id], this.#logFile).catch(() => undefined);
    if (this.#stdin !== undefined) closeSync(this.#stdin);
    rmSync(this.bundle, { recursive: true, force: true });
    // The host's file system below it is in use as long as the guest has it mounted.
    detachMount(join(sharePath, containerShare(this.id)));
  }

  get #logFile(): string {
    return join(this.bundle, 'crun.log');
  }

  #hadOom(): boolean {
    const { linux } = JSON.parse(readFileSync(join(this.bundle, 'config.json'), 'utf8')) as { linux: { cgroupsPath: string } };
    try {
      return /^oom_kill [1-9]/m.test(readFileSync(join('/sys/fs/cgroup', linux.cgroupsPath, 'memory.events'), 'utf8'));
    } catch {
      return false;
    }
  }
}

/** Both ends of a pipe in one descriptor: a reader waits, and never sees an end. */
function openStdin(directory: string): number {
  const path = join(directory, 'stdin');
  makeFifo(path);
  return openSync(path, constants.O_RDWR);
}
