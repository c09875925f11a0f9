import { type Duplex, PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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
} from '@berth/shim/runtime';
import { RuntimeEvents } from '@berth/shim/runtime-events';
import { type Behaviour, behaviourOf } from './behaviour.ts';
import { FakeContainer } from './fake-container.ts';

/** A runtime without containers: each is a record and some timers, and does what its pod's annotations say. */
export class FakeRuntime implements Runtime {
  readonly #containers = new Map<string, FakeContainer>();
  readonly #events = new RuntimeEvents();

  features(): RuntimeFeatures {
    return { rootfs: 'none', network: false, namespaces: false, interactive: true, refused: [] };
  }

  async prepare(): Promise<RuntimeVersion> {
    return { name: 'berth-fake', version: '0.1.0' };
  }

  async createSandbox(sandbox: SandboxSpec): Promise<void> {
    // A wrong annotation fails the pod at once, not its first container.
    behaviourOf('', sandbox.config.annotations);
  }

  async stopSandbox(): Promise<void> {}

  async removeSandbox(): Promise<void> {}

  async createContainer(spec: ContainerSpec): Promise<void> {
    this.#take(spec);
  }

  async start(spec: ContainerSpec, signal: AbortSignal): Promise<void> {
    await this.#containers.get(spec.id)?.start(signal);
  }

  async signal(spec: ContainerSpec, posixSignal: string): Promise<void> {
    this.#containers.get(spec.id)?.signal(posixSignal);
  }

  /** Answers as the annotations say, whatever the command, then repeats its input; without them, with nothing and exit code 0. */
  async exec(spec: ContainerSpec, _process: ExecProcess, { stdin, stdout }: ProcessStreams, signal: AbortSignal): Promise<number> {
    const { execOutput, execExitCode } = behaviourOfContainer(spec);
    stdout.write(execOutput.map((line) => `${line}\n`).join(''));
    if (stdin) await pipeline(stdin, stdout, { end: false, signal });
    return execExitCode;
  }

  /** Shows the lines that the container writes from now on; what it is given to read, it doesn't. */
  async attach(spec: ContainerSpec, { stdout }: ProcessStreams, signal: AbortSignal): Promise<void> {
    await this.#containers.get(spec.id)?.show(stdout, signal);
  }

  /** Each line is written to the file that is at the path then. */
  async reopenLog(spec: ContainerSpec): Promise<void> {
    this.#containers.get(spec.id)?.touchLog();
  }

  /** Every port repeats what it is told. */
  async dial(): Promise<Duplex> {
    return new PassThrough();
  }

  async removeContainer(spec: ContainerSpec): Promise<void> {
    this.#containers.get(spec.id)?.dispose();
    this.#containers.delete(spec.id);
  }

  /** Its containers use nothing that could be limited. */
  async update(): Promise<void> {}

  async recover(known: Known): Promise<Found> {
    const containers = Object.fromEntries(known.containers.map((spec) => [spec.id, this.#take(spec).found()]));
    return { sandboxes: known.sandboxes.map((sandbox) => sandbox.id), containers };
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return this.#events.read(signal);
  }

  #take(spec: ContainerSpec): FakeContainer {
    const container = new FakeContainer(spec, behaviourOfContainer(spec), (exit) =>
      this.#events.push({ type: 'exited', containerId: spec.id, exit }),
    );
    this.#containers.set(spec.id, container);
    return container;
  }
}

function behaviourOfContainer(spec: ContainerSpec): Behaviour {
  return behaviourOf(spec.config.metadata?.name ?? '', spec.sandbox.config.annotations, spec.config.metadata?.attempt);
}
