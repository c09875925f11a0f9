import { unlessAborted } from '@berth/sdk/abort';
import type { ContainerConfig } from '@berth/sdk/cri';
import { byCreation } from '../creation-time.ts';
import type { ShimDirectories } from '../directories.ts';
import { findById, notFound } from '../identifiers.ts';
import { NameRegistry } from '../name-registry.ts';
import { ObjectFiles } from '../object-files.ts';
import type { Exit } from '../runtime.ts';
import { type Container, type ContainerRecord, containerFromRecord, containerName } from './container.ts';

/** All containers of this handler: in memory as they are on disk. */
export class Containers {
  readonly #files: ObjectFiles<ContainerRecord>;
  readonly #items = new Map<string, Container>();
  readonly #names = new NameRegistry('container');
  readonly #exits = new Map<string, PromiseWithResolvers<void>>();
  readonly #ended: (container: Container) => void;

  /** `ended` is told of each container's end, recorded unless the disk fails. */
  constructor(directories: ShimDirectories, ended: (container: Container) => void) {
    this.#files = new ObjectFiles(directories.containers, 'container');
    this.#ended = ended;
  }

  /** Reads what an earlier process left. */
  async load(): Promise<void> {
    for (const [id, record] of [...(await this.#files.readAll())].toSorted(byCreation)) {
      const container = containerFromRecord(id, record);
      this.#items.set(id, container);
      this.#names.reserve(containerName(record.sandboxId, container.config), id);
    }
  }

  /** Takes the name for a container to come; throws ALREADY_EXISTS if another has it. */
  reserve(sandboxId: string, config: ContainerConfig, id: string): void {
    this.#names.reserve(containerName(sandboxId, config), id);
  }

  /** Puts a new container on disk, then in memory. */
  async add(container: Container): Promise<void> {
    await this.#files.create(container.id, container.record);
    this.#items.set(container.id, container);
  }

  /** Puts what has changed of a container on disk; nothing where it has been removed meanwhile. */
  async put(container: Container): Promise<void> {
    await this.#files.write(container.id, container.record);
  }

  /** As `put`, for what has happened and can't be refused any more: a full disk delays it. */
  async note(container: Container): Promise<void> {
    await this.#files.note(container.id, container.record);
  }

  /** Notes how a container ended and wakes who waits for it. A second report of the same end changes nothing. */
  async exited(container: Container, exit: Omit<Exit, 'reason'> & { reason?: string }): Promise<void> {
    const { record } = container;
    if (record.phase === 'exited') return;
    const failed = exit.exitCode !== 0;
    record.phase = 'exited';
    record.exitCode = exit.exitCode;
    record.finishedAt = Math.max(exit.finishedAt.getTime(), record.startedAt ?? 0);
    record.reason = exit.reason ?? (failed ? 'Error' : 'Completed');
    if (exit.message !== undefined) record.message = exit.message;
    try {
      await this.note(container);
    } finally {
      this.#exits.get(container.id)?.resolve();
      this.#ended(container);
    }
  }

  /** Resolves when the container has ended and, unless the disk fails, that is recorded. */
  async ended(container: Container, signal: AbortSignal): Promise<void> {
    if (container.record.phase === 'exited') return;
    const waiting = this.#exits.get(container.id) ?? Promise.withResolvers<void>();
    this.#exits.set(container.id, waiting);
    await unlessAborted(waiting.promise, signal);
  }

  /** Forgets it, its folder and its name; who waits for its end waits no more. */
  async delete(id: string): Promise<void> {
    await this.#files.remove(id);
    this.#items.delete(id);
    this.#names.release(id);
    this.#exits.get(id)?.resolve();
    this.#exits.delete(id);
  }

  list(): Container[] {
    return [...this.#items.values()];
  }

  ofSandbox(sandboxId: string): Container[] {
    return this.list().filter(({ record }) => record.sandboxId === sandboxId);
  }

  /** By whole id or the unique start of one. */
  find(reference: string): Container | undefined {
    return findById(this.#items, reference, 'container');
  }

  /** As `find`, or NOT_FOUND. */
  get(reference: string): Container {
    const container = this.find(reference);
    if (!container) throw notFound('container', reference);
    return container;
  }
}
