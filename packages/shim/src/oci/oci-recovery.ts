import { isNamespaceFile } from '@berth/sdk/namespace-file';
import type { Logger } from 'pino';
import { describeContainer } from '../container/container.ts';
import type { ContainerSpec, Exit, Found, FoundContainer, Known, SandboxSpec } from '../runtime.ts';
import type { ListedContainer, OciCommand } from './command.ts';
import { bundled, type MonitoredContainers } from './monitored.ts';
import type { Pause } from './pause.ts';

interface RecoveryParts {
  oci: OciCommand;
  containers: MonitoredContainers;
  pause: Pause;
  exitOf(container: ContainerSpec): Promise<Exit | undefined>;
  log: Logger;
}

/** States of the OCI specification in which a container has been made (runtime.md, state), and `paused`, which runtimes add. */
const made = new Set(['created', 'running', 'paused', 'stopped']);

/**
 * After a restart: what the OCI runtime and conmon's exit files say of the known objects; the unknown ones are removed. A container that
 * can't be ended or removed, as one whose process hangs in the kernel, keeps the shim from none of the others: it is logged, and counts
 * as running, or as never made.
 */
export class OciRecovery {
  readonly #parts: RecoveryParts;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  async recover(known: Known, signal: AbortSignal): Promise<Found> {
    const { oci, containers: monitored, pause } = this.#parts;
    const listed = await oci.list(signal);
    const containers: Found['containers'] = {};
    for (const container of known.containers) {
      const found = await this.#stateOf(container, listed.get(container.id)?.status, signal);
      if (found) containers[container.id] = found;
      // Its making was cut off: conmon may still be at it.
      else
        await this.#attempt(`remove what there is of ${describeContainer(container)}`, () => monitored.remove(bundled(container), signal));
    }
    const sandboxes: string[] = [];
    for (const sandbox of known.sandboxes) {
      if (areNamespacesPinned(sandbox) && (await pause.isHeld(sandbox))) sandboxes.push(sandbox.id);
    }
    await this.#removeUnknown(new Set([...Object.keys(containers), ...known.sandboxes.map(({ id }) => id)]), listed, signal);
    return { sandboxes, containers };
  }

  async #stateOf(container: ContainerSpec, state: string | undefined, signal: AbortSignal): Promise<FoundContainer | undefined> {
    const { containers, exitOf } = this.#parts;
    const target = bundled(container);
    // Asked before the exit file is read: once conmon has ended, what it has written is final.
    const watched = await containers.isWatched(target);
    const exit = await exitOf(container);
    if (exit) return { state: 'exited', exit };
    if (state === undefined || !made.has(state)) return undefined;
    // Of one that is stopped conmon is about to write the exit file: its event follows.
    if (watched) return state === 'created' ? { state } : { state: 'running', startedAt: undefined };
    // Nobody would ever tell how it ends.
    const ended = await this.#attempt(`end ${describeContainer(container)}, which nobody watches`, () => containers.end(target, signal));
    if (!ended) return { state: 'running', startedAt: undefined };
    const written = await exitOf(container);
    return written && { state: 'exited', exit: written };
  }

  async #removeUnknown(known: ReadonlySet<string>, listed: ReadonlyMap<string, ListedContainer>, signal: AbortSignal): Promise<void> {
    const { containers } = this.#parts;
    for (const [id, { bundle }] of listed) {
      if (known.has(id)) continue;
      const unknown = { id, name: id, sandboxId: undefined, bundle };
      await this.#attempt(`remove container ${id}, which nobody knows`, () => containers.remove(unknown, signal));
    }
  }

  /** Whether it could be done. */
  async #attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#parts.log.error({ err: error }, `could not ${what}`);
      return false;
    }
  }
}

/** A reboot ends the namespaces and leaves, at most, empty files. */
function areNamespacesPinned({ namespaces }: SandboxSpec): boolean {
  return Object.values(namespaces).every(isNamespaceFile);
}
