import { join } from 'node:path';
import { unlessAborted } from '@berth/sdk/abort';
import type { LinuxContainerResources } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { OciRuntime, type OciRuntimeOptions } from '@berth/shim/oci';
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
  Usage,
} from '@berth/shim/runtime';
import { RuntimeEvents } from '@berth/shim/runtime-events';
import { UndoStack } from '@berth/shim/undo-stack';
import type { Logger } from 'pino';
import { checkHost } from './host-requirements.ts';
import { PodSentry } from './pod-sentry.ts';
import { refused, supported } from './refused.ts';
import { underSentry } from './sentry-config.ts';

/** The watch on the Sentry of one sandbox. */
interface Watch {
  /** Aborted when the sandbox is being stopped. */
  stopping: AbortController;
  /** Aborted, with the reason, when the Sentry is gone: whatever waits for an answer of its then waits in vain. */
  gone: AbortController;
  /** Resolves when nothing is watched any more, nor done on account of what was seen. */
  ended: Promise<void>;
}

/** How long to wait for the processes of a pod that has lost its Sentry. */
const killDeadlineMs = 30_000;

/**
 * Runtime whose containers run on a user-space kernel. An OCI runtime starts their processes, each under a seccomp filter that hands its
 * system calls to the pod's Sentry process; conmon watches them. No pod goes on without its Sentry: it is ended, and told as gone.
 */
export class SentryRuntime implements Runtime {
  readonly #oci: OciRuntime;
  readonly #directory: string;
  readonly #log: Logger;
  readonly #events = new RuntimeEvents();
  readonly #watches = new Map<string, Watch>();
  readonly #sandboxByContainer = new Map<string, SandboxSpec>();

  constructor(options: Omit<OciRuntimeOptions, 'adapt'>) {
    this.#directory = join(options.run, 'sentry', options.handler);
    this.#log = options.log;
    this.#oci = new OciRuntime({
      ...options,
      adapt: (config, container) => underSentry(config, container, this.#sentryOf(container.sandbox).listenerPath),
    });
  }

  features(): RuntimeFeatures {
    const features = this.#oci.features();
    return { ...features, refused: [...features.refused, ...refused] };
  }

  async prepare(signal: AbortSignal): Promise<RuntimeVersion> {
    await checkHost();
    await this.#oci.prepare(signal);
    return { name: 'berth-sentry', version: '0.1.0', supported };
  }

  async createSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    const sentry = this.#sentryOf(sandbox);
    const undo = new UndoStack(this.#log);
    try {
      undo.add(`the Sentry of sandbox ${sandbox.id}`, async () => void (await sentry.end()));
      await sentry.start(signal);
      await this.#oci.createSandbox(sandbox, signal);
    } catch (error) {
      await undo.run();
      throw error;
    }
    this.#watch(sandbox, sentry);
  }

  /** The Sentry goes last: without it the processes couldn't end by themselves. */
  async stopSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    await this.#endWatch(sandbox, signal);
    await this.#oci.stopSandbox(sandbox, signal);
    const counts = await this.#sentryOf(sandbox).end();
    if (counts) this.#log.info({ sandboxId: sandbox.id, ...counts }, 'system calls of a pod that has ended');
  }

  async createContainer(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    this.#sandboxByContainer.set(container.id, container.sandbox);
    await this.#oci.createContainer(container, this.#whileAnswered(container, signal));
  }

  start(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    return this.#oci.start(container, this.#whileAnswered(container, signal));
  }

  signal(container: ContainerSpec, posixSignal: string, signal: AbortSignal): Promise<void> {
    return this.#oci.signal(container, posixSignal, signal);
  }

  /** The OCI runtime puts the process under the container's filter, with a notification descriptor of its own. */
  exec(container: ContainerSpec, process: ExecProcess, streams: ProcessStreams, signal: AbortSignal): Promise<number> {
    return this.#oci.exec(container, process, streams, this.#whileAnswered(container, signal));
  }

  attach(container: ContainerSpec, streams: ProcessStreams, signal: AbortSignal): Promise<void> {
    return this.#oci.attach(container, streams, signal);
  }

  reopenLog(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    return this.#oci.reopenLog(container, signal);
  }

  async removeContainer(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    await this.#oci.removeContainer(container, signal);
    this.#sandboxByContainer.delete(container.id);
  }

  async removeSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    await this.stopSandbox(sandbox, signal);
    await this.#oci.removeSandbox(sandbox, signal);
  }

  /** Pods whose Sentry has died meanwhile are found by the watch, and ended. */
  async recover(known: Known, signal: AbortSignal): Promise<Found> {
    const found = await this.#oci.recover(known, signal);
    const sandboxes = known.sandboxes.filter(({ id }) => found.sandboxes.includes(id));
    for (const container of known.containers) this.#sandboxByContainer.set(container.id, container.sandbox);
    for (const sandbox of sandboxes) this.#watch(sandbox, this.#sentryOf(sandbox));
    const own = new Set(known.sandboxes.map((sandbox) => this.#sentryOf(sandbox).directory));
    const unknown = (await PodSentry.all(this.#directory)).filter(({ directory }) => !own.has(directory));
    await Promise.all(unknown.map((sentry) => sentry.end()));
    return found;
  }

  /** What the Sentry answers of the memory goes by the limit that the container began with. */
  update(container: ContainerSpec, resources: LinuxContainerResources, signal: AbortSignal): Promise<void> {
    return this.#oci.update(container, resources, signal);
  }

  async inspect(container: ContainerSpec): Promise<Record<string, unknown>> {
    return { ...(await this.#oci.inspect(container)), sentry: this.#sentryOf(container.sandbox).directory };
  }

  /** Of the container's processes; those of the Sentry are nobody's. */
  usage(container: ContainerSpec): Promise<Usage | undefined> {
    return this.#oci.usage(container);
  }

  sandboxUsage(sandbox: SandboxSpec): Promise<Usage | undefined> {
    return this.#oci.sandboxUsage(sandbox);
  }

  async *events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const relayed = new AbortController();
    const relaying = this.#relay(signal).finally(() => relayed.abort());
    // What fails it is thrown below, once the reader has come so far.
    relaying.catch(() => undefined);
    yield* this.#events.read(relayed.signal);
    await relaying;
  }

  async #relay(signal: AbortSignal): Promise<void> {
    for await (const event of this.#oci.events(signal)) this.#events.push(await this.#explained(event));
  }

  /** A process that finds its Sentry gone may end before that is noticed here: its exit status then says nothing of the program. */
  async #explained(event: RuntimeEvent): Promise<RuntimeEvent> {
    const sandbox = event.type === 'exited' ? this.#sandboxByContainer.get(event.containerId) : undefined;
    if (event.type !== 'exited' || !sandbox || !this.#watches.has(sandbox.id)) return event;
    const sentry = this.#sentryOf(sandbox);
    if (await sentry.isAlive()) return event;
    return { ...event, exit: { ...event.exit, message: await sentry.whyEnded() } };
  }

  #sentryOf(sandbox: SandboxSpec): PodSentry {
    return new PodSentry(this.#directory, sandbox.id);
  }

  /** Aborts what is to be done with a container also when its Sentry is gone. */
  #whileAnswered({ sandbox }: ContainerSpec, signal: AbortSignal): AbortSignal {
    const gone = this.#watches.get(sandbox.id)?.gone.signal;
    return gone ? AbortSignal.any([signal, gone]) : signal;
  }

  #watch(sandbox: SandboxSpec, sentry: PodSentry): void {
    const stopping = new AbortController();
    const gone = new AbortController();
    const ended = this.#follow(sandbox, sentry, stopping.signal, gone).catch((err: unknown) =>
      this.#log.error({ err, sandboxId: sandbox.id }, 'could not end a pod that has lost its Sentry'),
    );
    this.#watches.set(sandbox.id, { stopping, gone, ended });
  }

  /** Resolves when the sandbox is its caller's alone. */
  async #endWatch(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    const watch = this.#watches.get(sandbox.id);
    if (!watch) return;
    watch.stopping.abort();
    await unlessAborted(watch.ended, signal);
    this.#watches.delete(sandbox.id);
  }

  /** Waits for the end of the Sentry, and kills what depends on it: without answers its processes can do nothing, not even fail in order. */
  async #follow(sandbox: SandboxSpec, sentry: PodSentry, stopping: AbortSignal, gone: AbortController): Promise<void> {
    const message = await sentry.watch(stopping);
    if (message === undefined) return;
    this.#log.error({ sandboxId: sandbox.id }, message);
    gone.abort(
      new PluginError('UNAVAILABLE', message, { object: `sandbox ${sandbox.id.slice(0, 12)}`, hint: 'remove the pod and make a new one' }),
    );
    this.#events.push({ type: 'sandboxGone', sandboxId: sandbox.id, message });
    await this.#oci.stopSandbox(sandbox, AbortSignal.timeout(killDeadlineMs));
    await sentry.kill();
  }
}
