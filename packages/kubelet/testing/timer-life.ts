import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type ContainerConfig,
  ContainerEventType,
  ContainerState,
  type PodSandboxConfig,
  PodSandboxState,
  PodSandboxStatus,
} from '@berth/sdk/cri';
import { EventStreams } from './event-streams.ts';

/** What a container of the timer runtime does, by its name. */
export interface Behaviour {
  exitAfterMs?: number;
  exitCode?: number;
  /** Ends only when it is killed, at the end of the grace period. */
  ignoresStop?: boolean;
  output?: string;
  /** Written to its termination log when it ends. */
  lastWords?: string;
}

export interface Sandbox {
  id: string;
  config: PodSandboxConfig;
  ready: boolean;
  createdAt: bigint;
}

export interface Container {
  id: string;
  sandboxId: string;
  config: ContainerConfig;
  state: ContainerState;
  createdAt: bigint;
  startedAt: bigint;
  finishedAt: bigint;
  exitCode: number;
  timer?: NodeJS.Timeout;
}

/** How sandboxes and containers begin and end whose programs are timers. */
export class TimerLife {
  readonly sandboxes = new Map<string, Sandbox>();
  readonly containers = new Map<string, Container>();
  readonly behaviours = new Map<string, Behaviour>();
  /** Its life-cycle events, those of ends and of sandboxes. */
  readonly events = new EventStreams();
  #lastId = 0;

  addSandbox(config: PodSandboxConfig): string {
    const id = this.#nextId('sandbox');
    this.sandboxes.set(id, { id, config, ready: true, createdAt: now() });
    this.#tell(id, id, ContainerEventType.CONTAINER_STARTED_EVENT);
    return id;
  }

  /** All that is in it dies. */
  stopSandbox(sandboxId: string): void {
    const sandbox = this.sandboxes.get(sandboxId);
    if (sandbox) sandbox.ready = false;
    for (const container of this.containers.values()) {
      if (container.sandboxId === sandboxId && container.state === ContainerState.CONTAINER_RUNNING) this.end(container, 137);
    }
  }

  removeSandbox(sandboxId: string): void {
    this.stopSandbox(sandboxId);
    this.#tell(sandboxId, sandboxId, ContainerEventType.CONTAINER_DELETED_EVENT);
    this.sandboxes.delete(sandboxId);
    for (const container of this.containers.values()) if (container.sandboxId === sandboxId) this.containers.delete(container.id);
  }

  addContainer(sandboxId: string, config: ContainerConfig): string {
    const id = this.#nextId('container');
    const times = { createdAt: now(), startedAt: 0n, finishedAt: 0n };
    this.containers.set(id, { id, sandboxId, config, state: ContainerState.CONTAINER_CREATED, ...times, exitCode: 0 });
    return id;
  }

  start(container: Container): void {
    const { output, exitAfterMs, exitCode = 0 } = this.#behaviourOf(container);
    container.state = ContainerState.CONTAINER_RUNNING;
    container.startedAt = now();
    if (output) this.#log(container, output);
    if (exitAfterMs !== undefined) container.timer = setTimeout(() => this.end(container, exitCode), exitAfterMs);
  }

  async stop(container: Container, graceMs: number): Promise<void> {
    if (container.state !== ContainerState.CONTAINER_RUNNING) return;
    if (!this.#behaviourOf(container).ignoresStop) return this.end(container, 0);
    await new Promise((resolve) => setTimeout(resolve, graceMs));
    this.end(container, 137);
  }

  end(container: Container, exitCode: number): void {
    clearTimeout(container.timer);
    const { lastWords } = this.#behaviourOf(container);
    const mount = container.config.mounts.find(
      ({ containerPath }) => containerPath === container.config.annotations['io.kubernetes.container.terminationMessagePath'],
    );
    if (lastWords && mount) writeFileSync(mount.hostPath, lastWords);
    Object.assign(container, { state: ContainerState.CONTAINER_EXITED, finishedAt: now(), exitCode });
    this.#tell(container.id, container.sandboxId, ContainerEventType.CONTAINER_STOPPED_EVENT);
  }

  logFile(container: Container): string {
    return join(this.sandboxes.get(container.sandboxId)?.config.logDirectory ?? '', container.config.logPath);
  }

  #log(container: Container, output: string): void {
    const file = this.logFile(container);
    mkdirSync(dirname(file), { recursive: true });
    const lines = output.split('\n').map((line) => `${new Date().toISOString()} stdout F ${line}\n`);
    writeFileSync(file, lines.join(''), { flag: 'a' });
  }

  #tell(containerId: string, sandboxId: string, containerEventType: ContainerEventType): void {
    const sandbox = this.sandboxes.get(sandboxId);
    const podSandboxStatus = sandbox && PodSandboxStatus.fromPartial(listedSandbox(sandbox));
    this.events.tell({ containerId, containerEventType, createdAt: now(), podSandboxStatus, containersStatuses: [] });
  }

  #behaviourOf(container: Container): Behaviour {
    return this.behaviours.get(container.config.metadata?.name ?? '') ?? {};
  }

  #nextId(kind: string): string {
    return `${kind}-${++this.#lastId}`;
  }
}

/** As ListPodSandbox has it. */
export function listedSandbox({ id, config, ready, createdAt }: Sandbox) {
  const state = ready ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;
  return { id, metadata: config.metadata, state, createdAt, labels: config.labels, annotations: config.annotations, runtimeHandler: '' };
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
