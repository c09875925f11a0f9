import { ContainerConfig, ContainerState } from '@berth/sdk/cri';
import type { ShimDirectories } from '../directories.ts';
import type { ContainerMount, ContainerSpec, ProcessSpec, Rootfs } from '../runtime.ts';
import { type Sandbox, sandboxSpec } from '../sandbox/sandbox.ts';

/** How far a container has come. `creating` is an intent: found after a crash, what was begun is taken away. */
type ContainerPhase = 'creating' | 'created' | 'running' | 'exited';

/** What is kept of a container on disk. */
export interface ContainerRecord {
  sandboxId: string;
  /** ContainerConfig in its wire encoding, base64. */
  config: string;
  imageId: string;
  rootfs: Rootfs | undefined;
  process: ProcessSpec;
  mounts: ContainerMount[];
  logPath: string | undefined;
  pidTarget?: string;
  stopSignal: string;
  phase: ContainerPhase;
  /** Milliseconds since the epoch, with fractions. */
  createdAt: number;
  startedAt?: number;
  finishedAt?: number;
  exitCode?: number;
  /** `Completed`, `Error`, `OOMKilled`; `CreateError` or `StartError` for one that never ran. */
  reason?: string;
  message?: string;
}

export interface Container {
  id: string;
  config: ContainerConfig;
  record: ContainerRecord;
}

export function encodeContainerConfig(config: ContainerConfig): string {
  return Buffer.from(ContainerConfig.encode(config).finish()).toString('base64');
}

export function containerFromRecord(id: string, record: ContainerRecord): Container {
  return { id, config: ContainerConfig.decode(Buffer.from(record.config, 'base64')), record };
}

/** The container as the runtime sees it. */
export function containerSpec({ id, config, record }: Container, sandbox: Sandbox, directories: ShimDirectories): ContainerSpec {
  const { rootfs, process, mounts, logPath, pidTarget, stopSignal } = record;
  return {
    id,
    sandbox: sandboxSpec(sandbox, directories),
    config,
    directory: directories.containerRuntime(id),
    rootfs,
    process,
    mounts,
    logPath,
    ...(pidTarget !== undefined && { pidTarget }),
    stopSignal,
  };
}

/** The name that no other container of the sandbox may have. */
export function containerName(sandboxId: string, { metadata }: ContainerConfig): string {
  return [metadata?.name, sandboxId, metadata?.attempt].join('_');
}

/** For messages: `container web (3f2a…)`. */
export function describeContainer({ id, config }: Pick<Container, 'id' | 'config'>): string {
  return `container ${config.metadata?.name} (${id.slice(0, 12)})`;
}

export function stateOf({ record }: Container): ContainerState {
  const states: Record<ContainerPhase, ContainerState> = {
    creating: ContainerState.CONTAINER_CREATED,
    created: ContainerState.CONTAINER_CREATED,
    running: ContainerState.CONTAINER_RUNNING,
    exited: ContainerState.CONTAINER_EXITED,
  };
  return states[record.phase];
}
