import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Duplex, Readable } from 'node:stream';
import { type Client, connect } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';
import type { ExecOutput, StatusResponse } from '@berth/sdk/machine-monitor';
import {
  AttachRequest,
  ExecRequest,
  MachineMonitorService,
  ShutdownRequest,
  StatusRequest,
  WatchRequest,
  WriteRequest,
} from '@berth/sdk/machine-monitor';
import type { ProcessStreams } from '@berth/shim/runtime';
import { dialMachine } from './dial.ts';
import type { MachineDirectory } from './machine-directory.ts';
import { write } from './write.ts';

/** Longest that a machine may take to end: its guest writes what it has for the host first. */
const shutdownDeadlineMs = 20_000;

/** Longest that a monitor may take to say what it knows. */
const statusDeadlineMs = 5000;

const SIGKILL = 9;

/** Longest that a killed process may take to be gone. */
const killDeadlineMs = 10_000;

/** Longest that a process may take to see the end of its input. */
const endDeadlineMs = 5000;

/** A machine as the shim reaches it: over its monitor, which may be gone. */
export class MachineClient {
  readonly directory: MachineDirectory;
  readonly #client: Client<MachineMonitorService>;
  readonly #closed = new AbortController();

  constructor(directory: MachineDirectory) {
    this.directory = directory;
    this.#client = connect(MachineMonitorService, `unix://${directory.monitorSocket}`);
  }

  get monitor(): Client<MachineMonitorService> {
    return this.#client;
  }

  /** Undefined where no monitor answers. */
  async status(signal: AbortSignal): Promise<StatusResponse | undefined> {
    if (!existsSync(this.directory.monitorSocket)) return undefined;
    return this.#client.status(StatusRequest.create(), { signal, deadlineMs: statusDeadlineMs }).catch(() => {
      signal.throwIfAborted();
      return undefined;
    });
  }

  /** Resolves with the reason when the machine ends by itself; undefined once this client is closed. */
  async endedUnasked(): Promise<string | undefined> {
    const { signal } = this.#closed;
    try {
      for await (const { message } of this.#client.watch(WatchRequest.create(), { signal })) return message;
    } catch {
      // The monitor itself is gone: what it wrote last tells more than a broken connection.
    }
    return signal.aborted ? undefined : this.reason();
  }

  /** Why a machine is gone whose monitor doesn't answer. */
  async reason(): Promise<string> {
    if (!existsSync(this.directory.path)) return 'its machine is gone, as after a restart of the host';
    return readFile(this.directory.ended, 'utf8').catch(() => 'its monitor has died, and the machine with it');
  }

  /** Runs a process in a container, and gives its exit code once `streams` have all that it printed. `signal` kills it. */
  async exec(container: string, args: string[], streams: ProcessStreams, signal: AbortSignal): Promise<number> {
    const { stdin } = streams;
    const abandoned = new AbortController();
    const begun = Promise.withResolvers<string>();
    const kill = (): void => {
      void begun.promise.then((id) => this.#client.signalContainer({ id, number: SIGKILL })).catch(() => undefined);
      AbortSignal.timeout(killDeadlineMs).addEventListener('abort', () => abandoned.abort(signal.reason));
    };
    signal.throwIfAborted();
    signal.addEventListener('abort', kill, { once: true });
    try {
      const request = ExecRequest.create({ container, args, stdin: stdin !== undefined });
      if (stdin) void begun.promise.then((id) => this.#feed(id, stdin, true));
      // Not ended by `signal`, but by the end of the process, which that kills.
      const exitCode = await relay(this.#client.exec(request, { signal: abandoned.signal }), streams, begun.resolve);
      signal.throwIfAborted();
      if (exitCode !== undefined) return exitCode;
    } finally {
      signal.removeEventListener('abort', kill);
      stdin?.destroy();
    }
    throw new PluginError('UNAVAILABLE', await this.reason(), { object: `command ${JSON.stringify(args[0])}` });
  }

  /** Joins `streams` to a container's first process until that ends. `endsInput`: the end of `streams.stdin` is that of its input. */
  async attach(container: string, streams: ProcessStreams, endsInput: boolean, signal: AbortSignal): Promise<void> {
    const { stdin } = streams;
    if (stdin) void this.#feed(container, stdin, endsInput);
    try {
      await relay(this.#client.attach(AttachRequest.create({ container }), { signal }), streams);
    } finally {
      stdin?.destroy();
    }
  }

  /** Connects to a TCP port on the machine's loopback. */
  async dial(port: number, signal: AbortSignal): Promise<Duplex> {
    return dialMachine(this.#client, port, signal);
  }

  /** Brings input to a process until one of them ends. */
  async #feed(process: string, stdin: Readable, endsInput: boolean): Promise<void> {
    try {
      for await (const data of stdin)
        await this.#client.write(WriteRequest.create({ process, data: data as Buffer }), {
          deadlineMs: Number.POSITIVE_INFINITY,
          signal: this.#closed.signal,
        });
    } catch {
      // Who wrote has gone, or the machine: the end of the output follows.
    } finally {
      const end = WriteRequest.create({ process, end: true });
      if (endsInput) await this.#client.write(end, { deadlineMs: endDeadlineMs }).catch(() => undefined);
    }
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
}

/** Writes what a process prints as it comes, and gives its exit code; undefined if the events end without one. */
async function relay(
  events: AsyncIterable<ExecOutput>,
  { stdout, stderr }: ProcessStreams,
  started?: (id: string) => void,
): Promise<number | undefined> {
  for await (const { event } of events) {
    if (event?.$case === 'started') started?.(event.value.id);
    if (event?.$case === 'stdout') await write(stdout, event.value);
    if (event?.$case === 'stderr') await write(stderr, event.value);
    if (event?.$case === 'exitCode') return event.value;
  }
  return undefined;
}
