import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, on, once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { LinuxContainerResources } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { exitCodeOf } from '../src/exit-code.ts';
import type {
  ContainerSpec,
  ExecProcess,
  Exit,
  Found,
  FoundContainer,
  Known,
  PodResources,
  ProcessStreams,
  Runtime,
  RuntimeEvent,
  RuntimeFeatures,
  RuntimeVersion,
  SandboxSpec,
  TerminalSize,
  Usage,
} from '../src/runtime.ts';

/** `dozes`: waits a moment for what holds no event loop, and goes on. */
export type Fault = 'throws' | 'hangs' | 'is deaf' | 'does nothing' | 'dozes';
type Method = Exclude<keyof Runtime, 'features' | 'events' | 'exec'>;

interface ProcessContainer {
  spec: ContainerSpec;
  child?: ChildProcess;
  startedAt?: Date;
  exit?: Exit;
}

/** What outlives a shim: sandboxes, and containers that are child processes of the test. */
export class ProcessHost {
  readonly sandboxes = new Map<string, SandboxSpec>();
  readonly containers = new Map<string, ProcessContainer>();
  readonly emitter = new EventEmitter();
  /** Calls in order: `createSandbox`, `start`. */
  readonly calls: string[] = [];
  /** Calls about one object that were made at the same time against the contract. */
  readonly violations: string[] = [];
  readonly faults = new Map<Method, Fault>();
  /** Calls of these do their work, and return when the promise resolves. */
  readonly holds = new Map<Method, Promise<void>>();
  /** Emits `Method` when a call with a fault has begun, or one that is held has done its work. */
  readonly reached = new EventEmitter();
  /** Fields that the runtime says it supports; asked at each start. */
  supported: string[] = [];
  /** What containers and sandboxes were given by updates, by their ids. */
  readonly limits = new Map<string, LinuxContainerResources>();
  readonly podLimits = new Map<string, PodResources>();
  /** What containers use, by their ids. */
  readonly usages = new Map<string, Usage>();
  readonly #active = new Map<string, Set<Method>>();

  enter(method: Method, id: string): () => void {
    const active = this.#active.get(id) ?? new Set<Method>();
    this.#active.set(id, active);
    const allowed = (other: Method) =>
      other === 'attach' ||
      method === 'attach' ||
      method === 'usage' ||
      other === 'usage' ||
      (other === 'start' && (method === 'signal' || method === 'removeContainer'));
    for (const other of active) if (!allowed(other)) this.violations.push(`${method} during ${other} of ${id}`);
    active.add(method);
    this.calls.push(method);
    return () => active.delete(method);
  }

  /** Lets calls of `method` do their work, but not return until the function that it gives is called. */
  hold(method: Method): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.holds.set(method, promise);
    return () => {
      this.holds.delete(method);
      resolve();
    };
  }

  dispose(): void {
    for (const { child } of this.containers.values()) child?.kill('SIGKILL');
  }
}

/** Containers as plain child processes, with faults on demand. */
export class ProcessRuntime implements Runtime {
  readonly #host: ProcessHost;
  readonly #features: RuntimeFeatures;

  constructor(host: ProcessHost, features: Partial<RuntimeFeatures> = {}) {
    this.#host = host;
    this.#features = { rootfs: 'none', network: false, namespaces: false, interactive: true, refused: [], ...features };
  }

  features(): RuntimeFeatures {
    return this.#features;
  }

  prepare(signal: AbortSignal): Promise<RuntimeVersion> {
    return this.#call('prepare', '', signal, async () => ({
      name: 'process',
      version: '1.2.3',
      supported: this.#host.supported,
    }));
  }

  createSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    return this.#call('createSandbox', sandbox.id, signal, async () => void this.#host.sandboxes.set(sandbox.id, sandbox));
  }

  stopSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    return this.#call('stopSandbox', sandbox.id, signal, async () => undefined);
  }

  removeSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    return this.#call('removeSandbox', sandbox.id, signal, async () => void this.#host.sandboxes.delete(sandbox.id));
  }

  createContainer(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    return this.#call('createContainer', spec.id, signal, async () => void this.#host.containers.set(spec.id, { spec }));
  }

  start(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    return this.#call('start', spec.id, signal, async () => {
      const container = this.#host.containers.get(spec.id);
      if (!container) throw new PluginError('NOT_FOUND', 'the runtime has none', { object: `container ${spec.id}` });
      const [program = '', ...args] = spec.process.args;
      const env = Object.fromEntries(spec.process.env.map((variable) => variable.split(/=(.*)/s).slice(0, 2)));
      const child = spawn(program, args, { env, cwd: spec.process.cwd, stdio: 'pipe' });
      child.stdout.resume();
      child.stderr.resume();
      const spawned = Promise.withResolvers<void>();
      child.once('spawn', spawned.resolve).once('error', (cause) => spawned.reject(PluginError.from(cause)));
      await spawned.promise;
      container.child = child;
      container.startedAt = new Date();
      child.once('exit', (code, ending) => this.#exited(spec.id, container, code ?? exitCodeOf(ending ?? 'SIGKILL')));
    });
  }

  signal(spec: ContainerSpec, posixSignal: string, signal: AbortSignal): Promise<void> {
    return this.#call('signal', spec.id, signal, async () => {
      this.#host.containers.get(spec.id)?.child?.kill(posixSignal as NodeJS.Signals);
    });
  }

  /** The command runs on the host, until its end or the abort. With a terminal it is told each size as a line of input. */
  async exec(
    _spec: ContainerSpec,
    { args: [program = '', ...args] }: ExecProcess,
    { stdin, stdout, stderr, resize }: ProcessStreams,
    signal: AbortSignal,
  ): Promise<number> {
    const child = spawn(program, args, { stdio: 'pipe', signal, killSignal: 'SIGKILL' });
    child.stdin.on('error', () => undefined);
    if (stdin) stdin.pipe(child.stdin);
    else if (!resize) child.stdin.end();
    if (resize) void tellSizes(resize, child.stdin);
    child.stdout.pipe(stdout, { end: false });
    child.stderr.pipe(stderr, { end: false });
    const [code] = (await once(child, 'close')) as [number];
    return code;
  }

  attach(spec: ContainerSpec, { stdin, stdout, stderr }: ProcessStreams, signal: AbortSignal): Promise<void> {
    return this.#call('attach', spec.id, signal, async () => {
      const child = this.#host.containers.get(spec.id)?.child;
      if (!child?.stdin) throw new PluginError('NOT_FOUND', 'it has no process', { object: `container ${spec.id}` });
      stdin?.pipe(child.stdin, { end: false });
      child.stdout?.on('data', (chunk) => stdout.write(chunk));
      child.stderr?.on('data', (chunk) => stderr.write(chunk));
      await once(child, 'close', { signal });
    });
  }

  update(spec: ContainerSpec, resources: LinuxContainerResources, signal: AbortSignal): Promise<void> {
    return this.#call('update', spec.id, signal, async () => void this.#host.limits.set(spec.id, resources));
  }

  updateSandbox(sandbox: SandboxSpec, resources: PodResources, signal: AbortSignal): Promise<void> {
    return this.#call('updateSandbox', sandbox.id, signal, async () => void this.#host.podLimits.set(sandbox.id, resources));
  }

  checkpoint(spec: ContainerSpec, location: string, signal: AbortSignal): Promise<void> {
    return this.#call('checkpoint', spec.id, signal, async () => writeFile(location, spec.id));
  }

  usage({ id }: ContainerSpec, signal: AbortSignal): Promise<Usage | undefined> {
    return this.#call('usage', id, signal, async () => this.#host.usages.get(id));
  }

  removeContainer(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    return this.#call('removeContainer', spec.id, signal, async () => {
      this.#host.containers.get(spec.id)?.child?.kill('SIGKILL');
      this.#host.containers.delete(spec.id);
    });
  }

  recover(known: Known, signal: AbortSignal): Promise<Found> {
    return this.#call('recover', '', signal, async () => {
      const containers: Found['containers'] = {};
      for (const { id } of known.containers) {
        const container = this.#host.containers.get(id);
        if (container) containers[id] = foundContainer(container);
      }
      return { sandboxes: known.sandboxes.map(({ id }) => id).filter((id) => this.#host.sandboxes.has(id)), containers };
    });
  }

  async *events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    try {
      for await (const [event] of on(this.#host.emitter, 'event', { signal })) {
        if (event instanceof Error) throw event;
        yield event as RuntimeEvent;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #exited(containerId: string, container: ProcessContainer, exitCode: number): void {
    container.exit = { exitCode, finishedAt: new Date() };
    this.#host.emitter.emit('event', { type: 'exited', containerId, exit: container.exit } satisfies RuntimeEvent);
  }

  async #call<Result>(method: Method, id: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const leave = this.#host.enter(method, id);
    try {
      const fault = this.#host.faults.get(method);
      if (fault) this.#host.reached.emit(method);
      if (fault === 'throws') throw new PluginError('INTERNAL', `${method} is broken`, { object: 'runtime process' });
      if (fault === 'hangs') await aborted(signal);
      if (fault === 'is deaf') await new Promise(() => undefined);
      if (fault === 'dozes') await setTimeout(50, undefined, { ref: false });
      if (fault === 'does nothing') return undefined as Result;
      const result = await work();
      const held = this.#host.holds.get(method);
      if (held) this.#host.reached.emit(method);
      await held;
      return result;
    } finally {
      leave();
    }
  }
}

async function tellSizes(sizes: AsyncIterable<TerminalSize>, input: Writable): Promise<void> {
  for await (const { width, height } of sizes) input.write(`${width}x${height}\n`);
}

function foundContainer({ exit, child, startedAt }: ProcessContainer): FoundContainer {
  if (exit) return { state: 'exited', exit };
  return child ? { state: 'running', startedAt } : { state: 'created' };
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}
