import { PluginError } from '@berth/sdk/errors';
import type {
  ContainerSpec,
  ExecOutput,
  ExecProcess,
  Found,
  Known,
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
    const { inspect, usage, sandboxUsage, update, updateSandbox, checkpoint } = runtime;
    this.inspect =
      inspect && ((container, signal) => this.#bounded('inspect', container.id, signal, () => inspect.call(runtime, container, signal)));
    this.usage =
      usage && ((container, signal) => this.#bounded('usage', container.id, signal, () => usage.call(runtime, container, signal)));
    this.sandboxUsage =
      sandboxUsage &&
      ((sandbox, signal) => this.#bounded('sandboxUsage', sandbox.id, signal, () => sandboxUsage.call(runtime, sandbox, signal)));
    this.update =
      update &&
      ((container, resources, signal) =>
        this.#bounded('update', container.id, signal, () => update.call(runtime, container, resources, signal)));
    this.updateSandbox =
      updateSandbox &&
      ((sandbox, resources, signal) =>
        this.#bounded('updateSandbox', sandbox.id, signal, () => updateSandbox.call(runtime, sandbox, resources, signal)));
    this.checkpoint =
      checkpoint &&
      ((container, location, signal) =>
        this.#bounded('checkpoint', container.id, signal, () => checkpoint.call(runtime, container, location, signal)));
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

  exec(container: ContainerSpec, process: ExecProcess, output: ExecOutput, signal: AbortSignal): Promise<number> {
    return this.#bounded('exec', container.id, signal, () => this.#runtime.exec(container, process, output, signal));
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
