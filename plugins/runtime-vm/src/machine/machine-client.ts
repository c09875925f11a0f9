import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, connect } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';
import type { StatusResponse } from '@berth/sdk/machine-monitor';
import { MachineMonitorService, ShutdownRequest, StatusRequest, WatchRequest } from '@berth/sdk/machine-monitor';
import type { ProcessStreams } from '@berth/shim/runtime';
import { dialMachine } from './dial.ts';
import type { MachineDirectory } from './machine-directory.ts';
import { attachInMachine, execInMachine } from './remote-process.ts';

/** Longest that a machine may take to end: its guest writes what it has for the host first. */
const shutdownDeadlineMs = 20_000;

/** Longest that a monitor may take to say what it knows. */
const statusDeadlineMs = 5000;

/** Longest that its reason is waited for when a machine has ended under a call: the monitor writes the last output first. */
const reasonDeadlineMs = 5000;

/** A machine as the shim reaches it: over its monitor, which may be gone. */
export class MachineClient {
  readonly directory: MachineDirectory;
  readonly #client: Client<MachineMonitorService>;
  readonly #closed = new AbortController();
  #ended: Promise<string | undefined> | undefined;

  constructor(directory: MachineDirectory) {
    this.directory = directory;
    this.#client = connect(MachineMonitorService, `unix://${directory.monitorSocket}`);
  }

  /** Throws UNAVAILABLE with the reason where no monitor answers. */
  async status(signal: AbortSignal): Promise<StatusResponse> {
    try {
      return await this.#client.status(StatusRequest.create(), { signal, deadlineMs: statusDeadlineMs });
    } catch (cause) {
      signal.throwIfAborted();
      const isSilent = PluginError.from(cause).code === 'DEADLINE_EXCEEDED';
      const reason = isSilent ? `its monitor has not answered for ${statusDeadlineMs / 1000} s` : await this.reason();
      throw new PluginError('UNAVAILABLE', reason, { cause });
    }
  }

  /** Resolves with the reason when the machine ends by itself; undefined once this client is closed. */
  async endedUnasked(): Promise<string | undefined> {
    this.#ended ??= this.#watch();
    return this.#ended;
  }

  async #watch(): Promise<string | undefined> {
    const { signal } = this.#closed;
    try {
      for await (const { message } of this.#client.watch(WatchRequest.create(), { signal })) return message;
    } catch {
      // The monitor itself is gone: what it wrote last tells more than a broken connection.
    }
    return signal.aborted ? undefined : this.reason();
  }

  /** Why a machine is gone whose monitor is. */
  async reason(): Promise<string> {
    if (!existsSync(this.directory.path)) return 'its machine is gone, as after a restart of the host';
    return readFile(this.directory.endReason, 'utf8').catch(() => 'its monitor has died, and the machine with it');
  }

  /** Calls the monitor about `object`. Where the machine ends under that, throws UNAVAILABLE with the reason. */
  async call<Result>(
    object: string,
    signal: AbortSignal,
    work: (monitor: Client<MachineMonitorService>) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work(this.#client);
    } catch (error) {
      throw (signal.aborted ? undefined : await this.#endUnder(object, error)) ?? error;
    }
  }

  /**
   * Runs a process in the container of this id, `object`, and gives its exit code once `streams` have all that it printed. `signal`
   * kills it.
   */
  async exec(
    request: { container: string; args: string[] },
    object: string,
    streams: ProcessStreams,
    signal: AbortSignal,
  ): Promise<number> {
    return this.call(object, signal, (monitor) => execInMachine(monitor, request, streams, signal));
  }

  /** Joins `streams` to a container's first process until that ends. `endsInput`: the end of `streams.stdin` is that of its input. */
  async attach(
    request: { container: string; endsInput: boolean },
    object: string,
    streams: ProcessStreams,
    signal: AbortSignal,
  ): Promise<void> {
    await this.call(object, signal, (monitor) => attachInMachine(monitor, request, streams, signal));
  }

  /** Connects to a TCP port on the machine's loopback. Throws UNAVAILABLE where nothing listens. */
  async dial(port: number, signal: AbortSignal): Promise<Duplex> {
    return dialMachine(this.#client, port, signal);
  }

  /** Ends machine and monitor, as far as they are there and listen. */
  async shutDown(signal: AbortSignal): Promise<void> {
    this.close();
    if (!existsSync(this.directory.monitorSocket)) return;
    const client = connect(MachineMonitorService, `unix://${this.directory.monitorSocket}`);
    try {
      await client.shutdown(ShutdownRequest.create(), { signal, deadlineMs: shutdownDeadlineMs });
    } catch {
      // One that doesn't do it is killed by who asked.
      signal.throwIfAborted();
    } finally {
      client.close();
    }
  }

  /** Ends the connection; the machine goes on. */
  close(): void {
    this.#closed.abort();
    this.#client.close();
  }

  /** The machine's end as what has made a call fail; undefined where that has another cause. */
  async #endUnder(object: string, error: unknown): Promise<PluginError | undefined> {
    // Cancelled by `close`: whoever closes has heard of the end first, or has asked for it.
    const isLost = error instanceof PluginError && ['UNAVAILABLE', 'CANCELLED'].includes(error.code);
    if (!isLost) return undefined;
    const ended = this.endedUnasked().then((reason) => reason ?? 'it was stopped');
    const reason = await Promise.race([ended, delay(reasonDeadlineMs, undefined, { ref: false })]);
    return reason === undefined ? undefined : new PluginError('UNAVAILABLE', `its machine has ended: ${reason}`, { object, cause: error });
  }
}
