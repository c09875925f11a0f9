import { randomUUID } from 'node:crypto';
import { PluginError } from '@berth/sdk/errors';
import type { Request } from '@berth/sdk/guest';
import {
  ContainerState,
  type CreateContainerRequest,
  type ExecOutput,
  type MachineEnded,
  type MachineMonitorService,
  type StatusResponse,
} from '@berth/sdk/machine-monitor';
import type { Implementation } from '@berth/sdk/serve';
import type { ExitFiles } from '@berth/shim/oci/exit-files';
import { ContainerLog } from './container-log.ts';
import { ContainerProcess } from './container-process.ts';
import { ExecProcess } from './exec-process.ts';
import type { Machine } from './machine.ts';

const SIGKILL = 9;

/** Longest that a guest may take to run a process or to end one; it may be emulated, and busy. */
const signalDeadlineMs = 10_000;

/** The longest time of a timer: a process may read its input when it likes, and its end ends the call. */
const unlimitedMs = 2 ** 31 - 1;

/** The service of proto/machine-monitor.proto for one machine. */
export class MachineMonitor {
  readonly #machine: Machine;
  readonly #exits: ExitFiles;
  readonly #containers = new Map<string, ContainerProcess>();

  constructor(machine: Machine, exits: ExitFiles) {
    this.#machine = machine;
    this.#exits = exits;
  }

  /** `shutDown` ends the machine. */
  implementation(shutDown: () => Promise<void>): Implementation<MachineMonitorService> {
    return {
      status: () => this.#status(),
      watch: (_request, { signal }) => this.#watch(signal),
      createContainer: async (request) => this.#create(request).then(() => ({})),
      startContainer: async ({ id }) => this.#start(id).then(() => ({})),
      signalContainer: async ({ id, number }) => this.#signal(id, number).then(() => ({})),
      removeContainer: async ({ id }) => this.#remove(id).then(() => ({})),
      exec: ({ container, args, stdin }, { signal }) =>
        this.#process((id) => ({ $case: 'startExec', value: { id, container, args, stdin } }), signal),
      attach: ({ container }, { signal }) => this.#attach(container, signal),
      dial: ({ port }, { signal }) => this.#process((id) => ({ $case: 'dial', value: { id, port } }), signal),
      write: async (value) => this.#machine.guest.call({ $case: 'write', value }, unlimitedMs).then(() => ({})),
      reopenLog: async ({ id }) =>
        this.#container(id)
          .reopenLog()
          .then(() => ({})),
      readUsage: async ({ id }) => this.#machine.guest.call({ $case: 'readUsage', value: { id } }).then(({ usage }) => ({ usage })),
      updateContainer: async (value) => this.#machine.guest.call({ $case: 'updateContainer', value }).then(() => ({})),
      shutdown: async () => shutDown().then(() => ({})),
    };
  }

  /** Closes the logs; what hasn't ended has no exit file. */
  async close(): Promise<void> {
    for (const container of this.#containers.values()) {
      if (container.state !== ContainerState.CONTAINER_STATE_EXITED) await container.close();
    }
  }

  #status(): StatusResponse {
    return { containers: Object.fromEntries([...this.#containers].map(([id, { state }]) => [id, state])) };
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<MachineEnded> {
    const message = await this.#machine.ended;
    if (!signal.aborted && message !== undefined) yield { message };
  }

  async #create({ id, config, stdin, logPath, oomFile }: CreateContainerRequest): Promise<void> {
    const container = new ContainerProcess({ id, log: await ContainerLog.open(logPath), exits: this.#exits, oomFile });
    this.#containers.set(id, container);
    this.#machine.guest.route(id, container);
    try {
      await this.#machine.guest.call({ $case: 'createContainer', value: { id, config, stdin } });
    } catch (error) {
      await this.#remove(id).catch(() => undefined);
      throw error;
    }
  }

  async #start(id: string): Promise<void> {
    const container = this.#container(id);
    await this.#machine.guest.call({ $case: 'startContainer', value: { id } });
    if (container.state === ContainerState.CONTAINER_STATE_CREATED) container.state = ContainerState.CONTAINER_STATE_RUNNING;
  }

  async #signal(process: string, number: number): Promise<void> {
    await this.#machine.guest.call({ $case: 'signal', value: { process, number } }, signalDeadlineMs);
  }

  async #remove(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    await this.#machine.guest.call({ $case: 'removeContainer', value: { id } });
    this.#machine.guest.forget(id);
    this.#containers.delete(id);
    if (container.state !== ContainerState.CONTAINER_STATE_EXITED) await container.close();
  }

  async *#attach(id: string, signal: AbortSignal): AsyncGenerator<ExecOutput> {
    const lost = AbortSignal.any([signal, this.#lost()]);
    for await (const event of this.#container(id).attach(lost)) yield { event };
  }

  /** A process, or a connection, that is there for this call alone; `call` begins it under an id of its own. */
  async *#process(call: (id: string) => NonNullable<Request['call']>, signal: AbortSignal): AsyncGenerator<ExecOutput> {
    const { guest } = this.#machine;
    const id = randomUUID();
    const process = new ExecProcess();
    guest.route(id, process);
    try {
      await guest.call(call(id));
      yield { event: { $case: 'started', value: { id } } };
      const lost = AbortSignal.any([signal, this.#lost()]);
      for await (const event of process.events(lost)) yield { event };
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

  /** Aborted when the machine has ended. */
  #lost(): AbortSignal {
    const controller = new AbortController();
    void this.#machine.ended.then((message) =>
      controller.abort(new PluginError('UNAVAILABLE', message ?? 'it was stopped', { object: 'machine' })),
    );
    return controller.signal;
  }
}
