import type { OnDemand } from '@berth/kubelet/runtime-client';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { RuntimeCommand } from './runtime-command.ts';
import { probeRuntime } from './runtime-connection.ts';
import { Supervisor } from './supervisor.ts';

const startLimitMs = 30_000;

/** A runtime that the node starts when it is first needed, and keeps alive from then on. */
export class SupervisedRuntime implements OnDemand {
  readonly #command: RuntimeCommand;
  readonly #logDirectory: string;
  readonly #log: Logger;
  readonly #stopped = new AbortController();
  #supervisor: Supervisor | undefined;
  #starting: Promise<void> | undefined;

  constructor(command: RuntimeCommand, logDirectory: string, log: Logger) {
    this.#command = command;
    this.#logDirectory = logDirectory;
    this.#log = log;
  }

  get started(): boolean {
    return this.#starting !== undefined;
  }

  /** The same start for all who ask, so that no one's abort ends it for the others; after one that failed the next begins anew. */
  async start(signal: AbortSignal): Promise<void> {
    this.#stopped.signal.throwIfAborted();
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    await unlessAborted(this.#starting, signal);
  }

  /** Ends the process; containers go on. */
  async stop(): Promise<void> {
    this.#stopped.abort(new PluginError('CANCELLED', 'the node is stopping', { object: `runtime ${this.#command.handler}` }));
    await this.#supervisor?.stop();
    await this.#starting?.catch(() => undefined);
  }

  async #start(): Promise<void> {
    if (this.#command.refusal) throw this.#command.refusal;
    const supervisor = new Supervisor(this.#command, this.#logDirectory, this.#log);
    this.#supervisor = supervisor;
    supervisor.start();
    try {
      await supervisor.ready((limit) => probeRuntime(this.#command.endpoint, AbortSignal.any([limit, this.#stopped.signal])), startLimitMs);
    } catch (error) {
      await supervisor.stop();
      throw error;
    }
  }
}
