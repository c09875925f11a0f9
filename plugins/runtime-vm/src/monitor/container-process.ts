import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Exited, Stream } from '@berth/sdk/guest';
import { ContainerState, type ExecEvent } from '@berth/sdk/machine-monitor';
import type { ContainerLog } from '@berth/shim/container-log';
import type { ExitFiles } from '@berth/shim/oci/exit-files';
import { ExecRelay } from './exec-relay.ts';
import type { ProcessSink } from './guest-connection.ts';

/** How long is waited until a file that couldn't be written is tried again. */
const exitRetryMs = 500;

/** A container of the machine as the monitor keeps it: its log, its state, and the exit file at its end. */
export class ContainerProcess implements ProcessSink {
  readonly #id: string;
  readonly #log: ContainerLog;
  readonly #exits: ExitFiles;
  readonly #oomFile: string;
  readonly #attached = new Set<ExecRelay>();
  #logClosed: Promise<void> | undefined;
  #isClosed = false;
  state: ContainerState = ContainerState.CONTAINER_STATE_CREATED;

  constructor({ id, log, exits, oomFile }: { id: string; log: ContainerLog; exits: ExitFiles; oomFile: string }) {
    this.#id = id;
    this.#log = log;
    this.#exits = exits;
    this.#oomFile = oomFile;
  }

  async output(stream: Stream, data: Uint8Array): Promise<void> {
    const name = stream === Stream.STREAM_STDERR ? 'stderr' : 'stdout';
    // A full disk costs the log some lines. To wait for room instead would stop the container.
    const logged = this.#log.write(name, data).catch((error: Error) => this.#complain('log', error));
    await Promise.all([logged, ...[...this.#attached].map((each) => each.output(stream, data))]);
  }

  /** What it prints from now on, and its exit code; ends with the first of `signals`, too. Who reads slowly slows it down, but not its end. */
  async *attach(signals: AbortSignal[]): AsyncGenerator<NonNullable<ExecEvent['event']>> {
    if (this.state === ContainerState.CONTAINER_STATE_EXITED) return;
    const attached = new ExecRelay();
    this.#attached.add(attached);
    try {
      yield* attached.events(signals);
    } finally {
      this.#attached.delete(attached);
    }
  }

  async reopenLog(): Promise<void> {
    await this.#log.reopen();
  }

  /** The exit file comes last: whoever sees it finds the log whole. */
  async exited(exited: Exited): Promise<void> {
    const { exitCode, oom } = exited;
    this.state = ContainerState.CONTAINER_STATE_EXITED;
    for (const each of this.#attached) void each.exited(exited);
    await this.#closeLog();
    if (oom) await writeFile(this.#oomFile, '', { mode: 0o600 }).catch((error: Error) => this.#complain('OOM file', error));
    await this.#writeExit(exitCode);
  }

  /** Its log gets nothing any more, and an exit file that couldn't be written yet isn't. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#closeLog();
  }

  /** Only this file tells the shim of the end: a full disk delays that. */
  async #writeExit(exitCode: number): Promise<void> {
    for (;;) {
      try {
        return await this.#exits.write(this.#id, exitCode);
      } catch (error) {
        this.#complain('exit file', error as Error);
      }
      await delay(exitRetryMs, undefined, { ref: false });
      if (this.#isClosed) return;
    }
  }

  async #closeLog(): Promise<void> {
    this.#logClosed ??= this.#log.close().catch((error: Error) => this.#complain('log', error));
    await this.#logClosed;
  }

  #complain(what: string, { message }: Error): void {
    console.error(`${what} of container ${this.#id}: ${message}`);
  }
}
