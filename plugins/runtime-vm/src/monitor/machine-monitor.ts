import { randomUUID } from 'node:crypto';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { Request, Response } from '@berth/sdk/guest';
import {
  ContainerState,
  type CreateContainerRequest,
  type ExecEvent,
  type MachineEnded,
  type MachineMonitorService,
  type StatusResponse,
} from '@berth/sdk/machine-monitor';
import type { Implementation } from '@berth/sdk/serve';
import { ContainerLog } from '@berth/shim/container-log';
import { KeyedLock } from '@berth/shim/keyed-lock';
import type { ExitFiles } from '@berth/shim/oci/exit-files';
import { ContainerProcess } from './container-process.ts';
import { ExecRelay } from './exec-relay.ts';
import type { CallOptions } from './guest-connection.ts';
import type { Machine } from './machine.ts';

const SIGKILL = 9;

/** Longest that a guest may take to run a process or to end one; it may be emulated, and busy. */
const signalDeadlineMs = 10_000;

/** The longest time of a timer: a process may read its input when it likes, and its end ends the call. */
const unlimitedMs = 2 ** 31 - 1;

/** What is asked of a machine here. */
type MonitoredMachine = Pick<Machine, 'guest' | 'ended'>;

/** The service of proto/machine-monitor.proto for one machine. */
export class MachineMonitor {
  readonly #machine: MonitoredMachine;
  readonly #exits: ExitFiles;
  readonly #containers = new Map<string, ContainerProcess>();
  /** A container is made and removed by one call at a time. */
  readonly #locks = new KeyedLock();
  /** Aborted when the machine has ended. */
  readonly #lost = new AbortController();

  constructor(machine: MonitoredMachine, exits: ExitFiles) {
    this.#machine = machine;
    this.#exits = exits;
    void machine.ended.then((message) =>
      this.#lost.abort(new PluginError('UNAVAILABLE', message ?? 'it was stopped', { object: 'machine' })),
    );
  }

  /** `shutDown` ends the machine. */
  implementation(shutDown: () => Promise<void>): Implementation<MachineMonitorService> {
    return {
      status: () => this.#status(),
      watch: (_request, { signal }) => this.#watch(signal),
      createContainer: async (request, { signal }) =>
        this.#locks.hold(request.id, signal, () => this.#create(request, signal)).then(() => ({})),
      startContainer: async ({ id }, { signal }) => this.#start(id, signal).then(() => ({})),
      signalContainer: async ({ id, number }, { signal }) => this.#signal(id, number, signal).then(() => ({})),
      removeContainer: async ({ id }, { signal }) => this.#locks.hold(id, signal, () => this.#remove(id, signal)).then(() => ({})),
      exec: ({ container, args, stdin }, { signal }) =>
        this.#process((id) => ({ $case: 'startExec', value: { id, container, args, stdin } }), signal),
      attach: ({ container }, { signal }) => this.#attach(container, signal),
      dial: ({ port }, { signal }) => this.#process((id) => ({ $case: 'dial', value: { id, port } }), signal),
      write: async (value, { signal }) => this.#call({ $case: 'write', value }, { deadlineMs: unlimitedMs, signal }).then(() => ({})),
      reopenLog: async ({ id }) => this.#reopenLog(id).then(() => ({})),
      readUsage: async (value, { signal }) => this.#call({ $case: 'readUsage', value }, { signal }).then(({ usage }) => ({ usage })),
      updateContainer: async (value, { signal }) => this.#call({ $case: 'updateContainer', value }, { signal }).then(() => ({})),
      shutdown: async () => shutDown().then(() => ({})),
    };
  }

  /** Closes the logs; what hasn't ended has no exit file. */
  async close(): Promise<void> {
    for (const container of this.#containers.values()) await container.close();
  }

  #status(): StatusResponse {
    return { containers: Object.fromEntries([...this.#containers].map(([id, { state }]) => [id, state])) };
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<MachineEnded> {
    const message = await unlessAborted(this.#machine.ended, signal);
    if (message !== undefined) yield { message };
  }

  /** An aborted call takes back what it has made, also while the guest is still at it. */
  async #create({ id, config, stdin, logPath, oomFile }: CreateContainerRequest, signal: AbortSignal): Promise<void> {
    const { guest } = this.#machine;
    const container = new ContainerProcess({ id, log: await ContainerLog.open(logPath), exits: this.#exits, oomFile });
    this.#containers.set(id, container);
    guest.route(id, container);
    try {
      await guest.call({ $case: 'createContainer', value: { id, config, stdin } }, { signal });
    } catch (error) {
      // What can't be removed is, when the shim asks for it.
      await this.#remove(id).catch(() => undefined);
      throw error;
    }
  }

  async #start(id: string, signal: AbortSignal): Promise<void> {
    const container = this.#container(id);
    await this.#call({ $case: 'startContainer', value: { id } }, { signal });
    if (container.state === ContainerState.CONTAINER_STATE_CREATED) container.state = ContainerState.CONTAINER_STATE_RUNNING;
  }

  async #signal(process: string, number: number, signal?: AbortSignal): Promise<void> {
    await this.#machine.guest.call({ $case: 'signal', value: { process, number } }, { deadlineMs: signalDeadlineMs, signal });
  }

  async #remove(id: string, signal?: AbortSignal): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    await this.#machine.guest.call({ $case: 'removeContainer', value: { id } }, { signal });
    this.#machine.guest.forget(id);
    this.#containers.delete(id);
    await container.close();
  }

  async #reopenLog(id: string): Promise<void> {
    await this.#container(id).reopenLog();
  }

  async *#attach(id: string, signal: AbortSignal): AsyncGenerator<ExecEvent> {
    for await (const event of this.#container(id).attach([signal, this.#lost.signal])) yield { event };
  }

  /** A process, or a connection, that is there for this call alone; `begin` asks for it under an id of its own. */
  async *#process(begin: (id: string) => NonNullable<Request['call']>, signal: AbortSignal): AsyncGenerator<ExecEvent> {
    const { guest } = this.#machine;
    const id = randomUUID();
    const relay = new ExecRelay();
    guest.route(id, relay);
    try {
      // Not given up: what it starts has to be killed.
      await guest.call(begin(id));
      yield { event: { $case: 'started', value: { id } } };
      for await (const event of relay.events([signal, this.#lost.signal])) yield { event };
    } finally {
      // Of one that has ended the guest knows nothing any more.
      await this.#signal(id, SIGKILL).catch(() => undefined);
      guest.forget(id);
    }
  }

  #container(id: string): ContainerProcess {
    const container = this.#containers.get(id);
    if (container) return container;
    throw new PluginError('NOT_FOUND', 'its machine has no such container', { object: `container ${id.slice(0, 12)}` });
  }

  async #call(call: NonNullable<Request['call']>, options: CallOptions): Promise<Response> {
    return this.#machine.guest.call(call, options);
  }
}
