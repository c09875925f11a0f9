import { PluginError } from '@berth/sdk/errors';
import type {
  ContainerSpec,
  ExecProcess,
  Found,
  Known,
  ProcessStreams,
  Runtime,
  RuntimeEvent,
  RuntimeFeatures,
  RuntimeVersion,
  SandboxSpec,
} from './runtime.ts';

/** How long a call that was told to end may take to clean up, before its caller stops waiting for it. */
const defaultGraceMs = 5_000;

/**
 * A runtime whose calls end: each at most a grace period after its signal, also where the runtime behind doesn't listen
 * to that, so that an object's lock comes free. What it throws is a PluginError.
 */
export class GuardedRuntime implements Runtime {
  /** Only where the runtime behind has them. */
  readonly attach: Runtime['attach'];
  readonly reopenLog: Runtime['reopenLog'];
  readonly dial: Runtime['dial'];
  readonly addresses: Runtime['addresses'];
  readonly inspect: Runtime['inspect'];
  readonly usage: Runtime['usage'];
  readonly sandboxUsage: Runtime['sandboxUsage'];
  readonly update: Runtime['update'];
  readonly updateSandbox: Runtime['updateSandbox'];
  readonly checkpoint: Runtime['checkpoint'];
  readonly #runtime: Runtime;
  readonly #graceMs: number;

  constructor(runtime: Runtime, graceMs = defaultGraceMs) {
    this.#runtime = runtime;
    this.#graceMs = graceMs;
    this.attach = this.#optional('attach', runtime.attach);
    this.reopenLog = this.#optional('reopenLog', runtime.reopenLog);
    this.dial = this.#optional('dial', runtime.dial);
    this.addresses = runtime.addresses?.bind(runtime);
    this.inspect = this.#optional('inspect', runtime.inspect);
    this.usage = this.#optional('usage', runtime.usage);
    this.sandboxUsage = this.#optional('sandboxUsage', runtime.sandboxUsage);
    this.update = this.#optional('update', runtime.update);
    this.updateSandbox = this.#optional('updateSandbox', runtime.updateSandbox);
    this.checkpoint = this.#optional('checkpoint', runtime.checkpoint);
  }

  features(): RuntimeFeatures {
    return this.#runtime.features();
  }

  prepare(signal: AbortSignal): Promise<RuntimeVersion> {
    return this.#bounded('prepare', undefined, signal, () => this.#runtime.prepare(signal));
  }

  createSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    return this.#bounded('createSandbox', sandbox.id, signal, () => this.#runtime.createSandbox(sandbox, signal));
  }

  stopSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    return this.#bounded('stopSandbox', sandbox.id, signal, () => this.#runtime.stopSandbox(sandbox, signal));
  }

  removeSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    return this.#bounded('removeSandbox', sandbox.id, signal, () => this.#runtime.removeSandbox(sandbox, signal));
  }

  createContainer(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    return this.#bounded('createContainer', container.id, signal, () => this.#runtime.createContainer(container, signal));
  }

  start(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    return this.#bounded('start', container.id, signal, () => this.#runtime.start(container, signal));
  }

  signal(container: ContainerSpec, posixSignal: string, signal: AbortSignal): Promise<void> {
    return this.#bounded('signal', container.id, signal, () => this.#runtime.signal(container, posixSignal, signal));
  }

  exec(container: ContainerSpec, process: ExecProcess, streams: ProcessStreams, signal: AbortSignal): Promise<number> {
    return this.#bounded('exec', container.id, signal, () => this.#runtime.exec(container, process, streams, signal));
  }

  removeContainer(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    return this.#bounded('removeContainer', container.id, signal, () => this.#runtime.removeContainer(container, signal));
  }

  recover(known: Known, signal: AbortSignal): Promise<Found> {
    return this.#bounded('recover', undefined, signal, () => this.#runtime.recover(known, signal));
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return this.#runtime.events(signal);
  }

  /** A method that the runtime behind may leave out. Of each, the first argument is its object and the last its signal. */
  #optional<Arguments extends [{ id: string }, ...unknown[], AbortSignal], Result>(
    name: string,
    method: ((...args: Arguments) => Promise<Result>) | undefined,
  ): ((...args: Arguments) => Promise<Result>) | undefined {
    return method && ((...args) => this.#bounded(name, args[0].id, args.at(-1) as AbortSignal, () => method.apply(this.#runtime, args)));
  }

  async #bounded<Result>(method: string, id: string | undefined, signal: AbortSignal, call: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted();
    const abandoned = Promise.withResolvers<never>();
    let timer: NodeJS.Timeout | undefined;
    const aborted = (): void => {
      timer = setTimeout(() => abandoned.reject(this.#deaf(method, id, signal.reason)), this.#graceMs);
    };
    signal.addEventListener('abort', aborted, { once: true });
    try {
      return await Promise.race([call(), abandoned.promise]);
    } catch (error) {
      throw PluginError.from(error, 'INTERNAL', { object: id });
    } finally {
      signal.removeEventListener('abort', aborted);
      clearTimeout(timer);
    }
  }

  #deaf(method: string, id: string | undefined, cause: unknown): PluginError {
    return new PluginError('DEADLINE_EXCEEDED', `the runtime's ${method} didn't end within ${this.#graceMs / 1000} s of being told to`, {
      object: id,
      hint: 'it may still be at work; remove the object to clean up',
      cause,
    });
  }
}
