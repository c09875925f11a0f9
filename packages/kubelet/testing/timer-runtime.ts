import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type CgroupDriver,
  type ContainerConfig,
  ContainerEventType,
  ContainerState,
  ContainerStatus,
  type CreateContainerRequest,
  ImageServiceService,
  type PodSandboxConfig,
  PodSandboxState,
  PodSandboxStatus,
  type RunPodSandboxRequest,
  RuntimeServiceService,
  type StopContainerRequest,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { type CallContext, type Implementation, type Served, serve } from '@berth/sdk/serve';
import { EventStreams } from './event-streams.ts';
import { imageCalls, statusCall, type TimerImages } from './timer-images.ts';
import { imageStatistics, statistics, type TimerFigures } from './timer-statistics.ts';

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

interface Sandbox {
  id: string;
  config: PodSandboxConfig;
  ready: boolean;
  createdAt: bigint;
}

interface Container {
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

type Fault = (context: CallContext) => Promise<void> | void;

/** A CRI server over a real socket whose containers are timers. Its state outlives a close, as a shim's does. */
export class TimerRuntime {
  readonly address: string;
  readonly sandboxes = new Map<string, Sandbox>();
  readonly containers = new Map<string, Container>();
  readonly images = new Set<string>();
  readonly imageStore: Pick<TimerImages, 'imageSizes' | 'pinned' | 'logins'> = { imageSizes: new Map(), pinned: new Set(), logins: [] };
  readonly behaviours = new Map<string, Behaviour>();
  /** Every call that makes or ends something, in order: `CreateContainer web`. */
  readonly calls: string[] = [];
  /** Every command that was run in a container. */
  readonly execs: string[] = [];
  /** The grace period of each StopContainer, in seconds. */
  readonly graces: number[] = [];
  /** By RPC: what happens before it is answered. */
  readonly faults = new Map<string, Fault>();
  /** By RPC: what is answered without anything being done. */
  readonly lies = new Map<string, (request: never) => object>();
  /** Where sessions are: the URL of each has its request, as JSON. */
  streamingUrl = '';
  /** Its life-cycle events, those of ends and of sandboxes. */
  readonly events = new EventStreams();
  /** Undefined: RuntimeConfig is UNIMPLEMENTED. */
  cgroupDriver: CgroupDriver | undefined;
  /** What its containers use. */
  readonly figures: TimerFigures = { cpu: 0n, memory: 0n, disk: 0n, mountpoint: '/' };
  #served: Served | undefined;
  #lastId = 0;

  constructor(directory: string) {
    this.address = `unix://${join(directory, 'cri.sock')}`;
  }

  async open(): Promise<void> {
    this.#served = await serve(this.address, [
      [RuntimeServiceService, this.#lying(this.#runtime())],
      [ImageServiceService, this.#lying(this.#imageService())],
    ]);
  }

  async close(): Promise<void> {
    await this.#served?.close(0);
  }

  /** Ends every timer, for the end of a test. */
  dispose(): void {
    for (const container of this.containers.values()) clearTimeout(container.timer);
  }

  /** A container ends as if by itself. */
  exit(name: string, exitCode: number): void {
    for (const container of this.containers.values()) {
      if (container.config.metadata?.name === name && container.state === ContainerState.CONTAINER_RUNNING) this.#end(container, exitCode);
    }
  }

  /** A sandbox dies with all that is in it. */
  killSandboxes(): void {
    for (const sandbox of this.sandboxes.values()) this.#stop(sandbox.id);
  }

  #runtime(): Implementation<RuntimeServiceService> {
    return {
      ...statusCall,
      ...statistics(this),
      runtimeConfig: async (_request, context) => {
        await this.faults.get('RuntimeConfig')?.(context);
        if (this.cgroupDriver === undefined) throw new PluginError('UNIMPLEMENTED', 'it has no cgroups');
        return { linux: { cgroupDriver: this.cgroupDriver } };
      },
      runPodSandbox: async ({ config }: RunPodSandboxRequest, context) => {
        await this.#called('RunPodSandbox', config?.metadata?.name, context);
        const id = this.#nextId('sandbox');
        this.sandboxes.set(id, { id, config: config as PodSandboxConfig, ready: true, createdAt: now() });
        this.#tell(id, id, ContainerEventType.CONTAINER_STARTED_EVENT);
        return { podSandboxId: id };
      },
      stopPodSandbox: async ({ podSandboxId }, context) => {
        await this.#called('StopPodSandbox', this.sandboxes.get(podSandboxId)?.config.metadata?.name, context);
        this.#stop(podSandboxId);
        return {};
      },
      removePodSandbox: async ({ podSandboxId }, context) => {
        await this.#called('RemovePodSandbox', this.sandboxes.get(podSandboxId)?.config.metadata?.name, context);
        this.#stop(podSandboxId);
        this.#tell(podSandboxId, podSandboxId, ContainerEventType.CONTAINER_DELETED_EVENT);
        this.sandboxes.delete(podSandboxId);
        for (const { id, sandboxId } of this.containers.values()) if (sandboxId === podSandboxId) this.containers.delete(id);
        return {};
      },
      podSandboxStatus: async ({ podSandboxId }, context) => {
        await this.faults.get('PodSandboxStatus')?.(context);
        const sandbox = found(this.sandboxes.get(podSandboxId), podSandboxId);
        return {
          status: { ...listed(sandbox), network: { ip: '10.9.0.2', additionalIps: [] } },
          info: {},
          containersStatuses: [],
          timestamp: 0n,
        };
      },
      listPodSandbox: async (_request, context) => {
        await this.faults.get('ListPodSandbox')?.(context);
        return { items: [...this.sandboxes.values()].map(listed) };
      },
      createContainer: async ({ podSandboxId, config }: CreateContainerRequest, context) => {
        await this.#called('CreateContainer', config?.metadata?.name, context);
        found(this.sandboxes.get(podSandboxId), podSandboxId);
        const id = this.#nextId('container');
        const state = ContainerState.CONTAINER_CREATED;
        this.containers.set(id, {
          id,
          sandboxId: podSandboxId,
          config: config as ContainerConfig,
          state,
          createdAt: now(),
          startedAt: 0n,
          finishedAt: 0n,
          exitCode: 0,
        });
        return { containerId: id };
      },
      startContainer: async ({ containerId }, context) => {
        const container = found(this.containers.get(containerId), containerId);
        await this.#called('StartContainer', container.config.metadata?.name, context);
        this.#start(container);
        return {};
      },
      stopContainer: async ({ containerId, timeout }: StopContainerRequest, context) => {
        const container = found(this.containers.get(containerId), containerId);
        this.graces.push(Number(timeout));
        await this.#called('StopContainer', container.config.metadata?.name, context);
        await this.#stopContainer(container, Number(timeout) * 1000);
        return {};
      },
      removeContainer: async ({ containerId }, context) => {
        await this.#called('RemoveContainer', this.containers.get(containerId)?.config.metadata?.name, context);
        this.containers.delete(containerId);
        return {};
      },
      getContainerEvents: (_request, { signal }) => this.events.listen(signal),
      reopenContainerLog: async ({ containerId }, context) => {
        const container = found(this.containers.get(containerId), containerId);
        await this.#called('ReopenContainerLog', container.config.metadata?.name, context);
        writeFileSync(this.#logFile(container), '', { flag: 'a' });
        return {};
      },
      /** Prints its words; `exit N` ends so. */
      execSync: async ({ cmd: [program = '', ...args] }, context) => {
        this.execs.push([program, ...args].join(' '));
        await this.faults.get('ExecSync')?.(context);
        return {
          stdout: Buffer.from(`${[program, ...args].join('|')}\n`),
          stderr: Buffer.alloc(0),
          exitCode: program === 'exit' ? Number(args[0]) : 0,
        };
      },
      exec: (request) => ({ url: this.#session(request) }),
      attach: (request) => ({ url: this.#session(request) }),
      portForward: (request) => ({ url: this.#session(request) }),
      listContainers: async (_request, context) => {
        await this.faults.get('ListContainers')?.(context);
        return {
          containers: [...this.containers.values()].map(({ id, sandboxId, config, state, createdAt }) => ({
            id,
            podSandboxId: sandboxId,
            metadata: config.metadata,
            image: config.image,
            imageRef: '',
            imageId: '',
            state,
            createdAt,
            labels: config.labels,
            annotations: config.annotations,
          })),
        };
      },
      containerStatus: async ({ containerId }, context) => {
        await this.faults.get('ContainerStatus')?.(context);
        const { config, sandboxId: _, timer: __, ...state } = found(this.containers.get(containerId), containerId);
        const { metadata, image, labels, annotations, mounts, logPath, linux } = config;
        const resources = { linux: linux?.resources, windows: undefined };
        return { status: ContainerStatus.create({ ...state, metadata, image, labels, annotations, mounts, logPath, resources }), info: {} };
      },
      updateContainerResources: async ({ containerId, linux }, context) => {
        const { config } = found(this.containers.get(containerId), containerId);
        await this.#called('UpdateContainerResources', config.metadata?.name, context);
        if (config.linux) config.linux.resources = linux;
        return {};
      },
    };
  }

  /** Answers that are streams aren't lied about. */
  #lying<T extends object>(implementation: T): T {
    const methods = Object.entries(implementation).map(([name, method]) => {
      const rpc = name.charAt(0).toUpperCase() + name.slice(1);
      if (rpc === 'GetContainerEvents') return [name, method];
      return [name, (request: never, context: CallContext) => (this.lies.get(rpc) ?? method)(request, context)];
    });
    return Object.fromEntries(methods) as T;
  }

  #session(request: object): string {
    return `${this.streamingUrl}/token?request=${encodeURIComponent(JSON.stringify(request))}`;
  }

  #imageService(): Implementation<ImageServiceService> {
    return {
      ...imageStatistics(this),
      ...imageCalls({
        ...this.imageStore,
        images: this.images,
        faults: this.faults,
        called: (rpc, subject, context) => this.#called(rpc, subject, context),
      }),
    };
  }

  async #called(rpc: string, subject: string | undefined, context: CallContext): Promise<void> {
    this.calls.push(`${rpc} ${subject}`);
    await this.faults.get(rpc)?.(context);
  }

  #start(container: Container): void {
    const behaviour = this.#behaviourOf(container);
    container.state = ContainerState.CONTAINER_RUNNING;
    container.startedAt = now();
    if (behaviour.output) this.#log(container, behaviour.output);
    if (behaviour.exitAfterMs !== undefined) {
      container.timer = setTimeout(() => this.#end(container, behaviour.exitCode ?? 0), behaviour.exitAfterMs);
    }
  }

  async #stopContainer(container: Container, graceMs: number): Promise<void> {
    if (container.state !== ContainerState.CONTAINER_RUNNING) return;
    if (!this.#behaviourOf(container).ignoresStop) return this.#end(container, 0);
    await new Promise((resolve) => setTimeout(resolve, graceMs));
    this.#end(container, 137);
  }

  #stop(sandboxId: string): void {
    const sandbox = this.sandboxes.get(sandboxId);
    if (sandbox) sandbox.ready = false;
    for (const container of this.containers.values()) {
      if (container.sandboxId === sandboxId && container.state === ContainerState.CONTAINER_RUNNING) this.#end(container, 137);
    }
  }

  #end(container: Container, exitCode: number): void {
    clearTimeout(container.timer);
    const { lastWords } = this.#behaviourOf(container);
    const mount = container.config.mounts.find(
      ({ containerPath }) => containerPath === container.config.annotations['io.kubernetes.container.terminationMessagePath'],
    );
    if (lastWords && mount) writeFileSync(mount.hostPath, lastWords);
    Object.assign(container, { state: ContainerState.CONTAINER_EXITED, finishedAt: now(), exitCode });
    this.#tell(container.id, container.sandboxId, ContainerEventType.CONTAINER_STOPPED_EVENT);
  }

  #tell(containerId: string, sandboxId: string, containerEventType: ContainerEventType): void {
    const sandbox = this.sandboxes.get(sandboxId);
    const podSandboxStatus = sandbox && PodSandboxStatus.fromPartial(listed(sandbox));
    this.events.tell({ containerId, containerEventType, createdAt: now(), podSandboxStatus, containersStatuses: [] });
  }

  #behaviourOf(container: Container): Behaviour {
    return this.behaviours.get(container.config.metadata?.name ?? '') ?? {};
  }

  #logFile(container: Container): string {
    return join(this.sandboxes.get(container.sandboxId)?.config.logDirectory ?? '', container.config.logPath);
  }

  #log(container: Container, output: string): void {
    const file = this.#logFile(container);
    mkdirSync(dirname(file), { recursive: true });
    const lines = output.split('\n').map((line) => `${new Date().toISOString()} stdout F ${line}\n`);
    writeFileSync(file, lines.join(''), { flag: 'a' });
  }

  #nextId(kind: string): string {
    return `${kind}-${++this.#lastId}`;
  }
}

function listed({ id, config, ready, createdAt }: Sandbox) {
  const state = ready ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;
  return { id, metadata: config.metadata, state, createdAt, labels: config.labels, annotations: config.annotations, runtimeHandler: '' };
}

function found<T>(object: T | undefined, id: string): T {
  if (!object) throw new PluginError('NOT_FOUND', 'there is none', { object: id });
  return object;
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
