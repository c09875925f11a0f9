import { writeFile } from 'node:fs/promises';
import type { Exited, Stream } from '@berth/sdk/guest';
import { ContainerState, type ExecOutput } from '@berth/sdk/machine-monitor';
import type { ExitFiles } from '@berth/shim/oci/exit-files';
import type { ContainerLog } from './container-log.ts';
import { ExecProcess } from './exec-process.ts';
import type { ProcessSink } from './guest-connection.ts';

/** A container of the machine as the monitor keeps it: its log, its state, and the exit file at its end. */
export class ContainerProcess implements ProcessSink {
  readonly #id: string;
  readonly #log: ContainerLog;
  readonly #exits: ExitFiles;
  readonly #oomFile: string;
  readonly #attached = new Set<ExecProcess>();
  state: ContainerState = ContainerState.CONTAINER_STATE_CREATED;

  constructor({ id, log, exits, oomFile }: { id: string; log: ContainerLog; exits: ExitFiles; oomFile: string }) {
    this.#id = id;
    this.#log = log;
    this.#exits = exits;
    this.#oomFile = oomFile;
  }

  async output(stream: Stream, data: Uint8Array): Promise<void> {
    // A full disk costs the log some lines. To wait for room instead would stop the container.
    await this.#log.write(stream, data).catch((error: Error) => console.error(`log of container ${this.#id}: ${error.message}`));
    await Promise.all([...this.#attached].map((each) => each.output(stream, data)));
  }

  /** What it prints from now on, and its exit code. Who reads slowly slows it down. */
  async *attach(signal: AbortSignal): AsyncGenerator<NonNullable<ExecOutput['event']>> {
    if (this.state === ContainerState.CONTAINER_STATE_EXITED) return;
    const attached = new ExecProcess();
    this.#attached.add(attached);
    try {
      yield* attached.events(signal);
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
    await this.close();
    if (oom) await writeFile(this.#oomFile, '', { mode: 0o600 });
    await this.#exits.write(this.#id, exitCode);
  }

  async close(): Promise<void> {
    await this.#log.close().catch((error: Error) => console.error(`log of container ${this.#id}: ${error.message}`));
  }
}
