import { type ContainerEventResponse, ContainerEventType } from '@berth/sdk/cri';
import type { Container } from '../container/container.ts';
import type { Containers } from '../container/containers.ts';
import { containerStatusOf } from '../container/cri-status.ts';
import { nanoseconds } from '../identifiers.ts';
import { sandboxStatusOf } from '../sandbox/cri-status.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { Listeners } from './listeners.ts';

const { CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT, CONTAINER_STOPPED_EVENT, CONTAINER_DELETED_EVENT } = ContainerEventType;

/**
 * CRI's life-cycle events (ContainerEventResponse), of containers and of the sandboxes themselves, each with the statuses of its
 * pod after it. One is told when what it tells is recorded; what happens before the server listens is told to nobody.
 */
export class LifeCycle {
  readonly #listeners = new Listeners<ContainerEventResponse>();
  readonly #containers: Pick<Containers, 'ofSandbox'>;
  readonly #starting = new Set<string>();
  readonly #stoppedSandboxes = new Set<string>();

  constructor(containers: Pick<Containers, 'ofSandbox'>) {
    this.#containers = containers;
  }

  /** CRI GetContainerEvents. */
  listen(signal: AbortSignal): AsyncIterable<ContainerEventResponse> {
    return this.#listeners.listen(signal);
  }

  sandboxMade(sandbox: Sandbox): void {
    this.#tell(sandbox.id, CONTAINER_CREATED_EVENT, sandbox);
    this.#tell(sandbox.id, CONTAINER_STARTED_EVENT, sandbox);
  }

  /** Told once: a sandbox that ended by itself is still to be stopped by the client. */
  sandboxStopped(sandbox: Sandbox): void {
    if (this.#stoppedSandboxes.has(sandbox.id)) return;
    this.#stoppedSandboxes.add(sandbox.id);
    this.#tell(sandbox.id, CONTAINER_STOPPED_EVENT, sandbox);
  }

  /** With the last status that it had: clients know the pod by that. */
  sandboxDeleted(sandbox: Sandbox): void {
    this.#stoppedSandboxes.delete(sandbox.id);
    this.#tell(sandbox.id, CONTAINER_DELETED_EVENT, sandbox);
  }

  containerCreated(container: Container, sandbox: Sandbox): void {
    this.#tell(container.id, CONTAINER_CREATED_EVENT, sandbox);
  }

  /** Tells that the container was started, and only then that it has ended, where that was quicker. */
  async duringStart(container: Container, sandbox: Sandbox, start: () => Promise<void>): Promise<void> {
    this.#starting.add(container.id);
    try {
      await start();
      this.#tell(container.id, CONTAINER_STARTED_EVENT, sandbox);
    } finally {
      this.#starting.delete(container.id);
      if (container.record.phase === 'exited') this.containerStopped(container, sandbox);
    }
  }

  containerStopped(container: Container, sandbox: Sandbox | undefined): void {
    if (!this.#starting.has(container.id)) this.#tell(container.id, CONTAINER_STOPPED_EVENT, sandbox);
  }

  containerDeleted(container: Container, sandbox: Sandbox | undefined): void {
    this.#tell(container.id, CONTAINER_DELETED_EVENT, sandbox);
  }

  #tell(containerId: string, containerEventType: ContainerEventType, sandbox: Sandbox | undefined): void {
    if (!this.#listeners.any) return;
    this.#listeners.tell({
      containerId,
      containerEventType,
      createdAt: nanoseconds(Date.now()),
      podSandboxStatus: sandbox && sandboxStatusOf(sandbox),
      containersStatuses: sandbox ? this.#containers.ofSandbox(sandbox.id).filter(isMade).map(containerStatusOf) : [],
    });
  }
}

function isMade({ record }: Container): boolean {
  return record.phase !== 'creating';
}
