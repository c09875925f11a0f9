import type { Logger } from 'pino';
import type { ContainerSpec, Exit, Found, Known, RuntimeEvent, SandboxSpec } from '../runtime.ts';
import { RuntimeEvents } from '../runtime-events.ts';
import type { ExitFiles, ProcessExit } from './exit-files.ts';

interface ExitEventsOptions {
  /** Only objects of this runtime have files there. */
  exits: ExitFiles;
  /** Adds to how a container ended what is known beside the exit file: that it ran out of memory, say. */
  explain(container: ContainerSpec, exit: ProcessExit): Promise<Exit>;
  log: Logger;
}

/**
 * Runtime.events of runtimes whose containers' ends are written down in exit files. Of a container that is followed it tells `exited`,
 * and `oom` before that where this ended it. A sandbox that shares a PID namespace has an exit file too, that of the process which holds
 * it: of one that is followed it tells `sandboxGone`. What had ended before it is followed is told as well, and an end perhaps more than
 * once.
 */
export class ExitEvents {
  readonly #options: ExitEventsOptions;
  readonly #events = new RuntimeEvents();
  readonly #containers = new Map<string, ContainerSpec>();
  readonly #sandboxes = new Set<string>();

  constructor(options: ExitEventsOptions) {
    this.#options = options;
  }

  /** Begins to watch the exit files, for as long as this process lives. Nothing is told without it. */
  async open(): Promise<void> {
    const { exits, log } = this.#options;
    await exits.open((id) => void this.#tell(id).catch((err: unknown) => log.error({ err, containerId: id }, 'exit not told')));
  }

  /** As Runtime.events. One reader at a time. */
  read(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return this.#events.read(signal);
  }

  /** Tells that a sandbox is gone for another reason than its exit file. */
  sandboxGone(sandboxId: string, message: string): void {
    this.#events.push({ type: 'sandboxGone', sandboxId, message });
  }

  async followContainer(container: ContainerSpec): Promise<void> {
    this.#containers.set(container.id, container);
    await this.#tell(container.id);
  }

  /** One whose containers share no PID namespace has nothing to follow. */
  async followSandbox({ id, sharedPid }: SandboxSpec): Promise<void> {
    if (!sharedPid) return;
    this.#sandboxes.add(id);
    await this.#tell(id);
  }

  /** No end of this container or sandbox is told any more: it is being removed. */
  unfollow(id: string): void {
    this.#containers.delete(id);
    this.#sandboxes.delete(id);
  }

  /** A container that is followed. */
  container(id: string): ContainerSpec | undefined {
    return this.#containers.get(id);
  }

  /** All containers that are followed. */
  containers(): ContainerSpec[] {
    return [...this.#containers.values()];
  }

  /** How a container ended; undefined while it has not. */
  async exitOf(container: ContainerSpec): Promise<Exit | undefined> {
    const exit = await this.#options.exits.read(container.id);
    return exit && this.#options.explain(container, exit);
  }

  /** After a restart: follows what was found of the known objects, and removes the exit files of all that isn't known. */
  async recover(known: Known, found: Found): Promise<void> {
    const { exits } = this.#options;
    const ids = new Set([...known.containers, ...known.sandboxes].map(({ id }) => id));
    for (const id of await exits.ids()) if (!ids.has(id)) await exits.remove(id);
    // What ended between the look and this is told too.
    await Promise.all([
      ...known.containers.filter(({ id }) => found.containers[id]).map((container) => this.followContainer(container)),
      ...known.sandboxes.filter(({ id }) => found.sandboxes.includes(id)).map((sandbox) => this.followSandbox(sandbox)),
    ]);
  }

  async #tell(id: string): Promise<void> {
    const container = this.#containers.get(id);
    const exit = container && (await this.exitOf(container));
    if (exit) {
      if (exit.reason === 'OOMKilled') this.#events.push({ type: 'oom', containerId: id });
      this.#events.push({ type: 'exited', containerId: id, exit });
    }
    if (this.#sandboxes.has(id) && (await this.#options.exits.read(id)))
      this.sandboxGone(id, 'the process that holds its shared PID namespace has ended');
  }
}
