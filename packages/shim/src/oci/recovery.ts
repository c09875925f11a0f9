import { statfs } from 'node:fs/promises';
import type { ContainerSpec, Exit, Found, FoundContainer, Known, SandboxSpec } from '../runtime.ts';
import type { ListedContainer, OciCommand } from './command.ts';
import { type ExitFiles, unknownExitCode } from './exit-files.ts';
import type { MonitoredContainers } from './monitored.ts';
import type { Pause } from './pause.ts';

export interface RecoveryParts {
  oci: OciCommand;
  containers: MonitoredContainers;
  pause: Pause;
  exits: ExitFiles;
  exitOf(container: ContainerSpec): Promise<Exit | undefined>;
}

/** `NSFS_MAGIC`, the file system of namespace files. */
const namespaceFileSystem = 0x6e736673;

/** After a restart: what the OCI runtime and conmon's exit files say of the known objects; the unknown ones are removed. */
export class Recovery {
  readonly #parts: RecoveryParts;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  async recover(known: Known, signal: AbortSignal): Promise<Found> {
    const { oci, containers: monitored, pause } = this.#parts;
    const listed = await oci.list(signal);
    const containers: Found['containers'] = {};
    for (const container of known.containers) {
      const found = await this.#stateOf(container, listed.get(container.id)?.status);
      if (found) containers[container.id] = found;
      // Its making was cut off: conmon may still be at it.
      else
        await monitored.remove(
          { id: container.id, name: container.id, sandboxId: container.sandbox.id, bundle: container.directory },
          signal,
        );
    }
    const sandboxes: string[] = [];
    for (const sandbox of known.sandboxes) {
      if ((await areNamespacesPinned(sandbox)) && (await pause.isHeld(sandbox))) sandboxes.push(sandbox.id);
    }
    await this.#removeUnknown(new Set([...Object.keys(containers), ...known.sandboxes.map(({ id }) => id)]), listed, signal);
    return { sandboxes, containers };
  }

  async #stateOf(container: ContainerSpec, state: string | undefined): Promise<FoundContainer | undefined> {
    const { containers, exits, exitOf } = this.#parts;
    const exit = await exitOf(container);
    if (exit) return { state: 'exited', exit };
    if (state === undefined || !reached.has(state)) return undefined;
    if (await containers.isWatched({ id: container.id, bundle: container.directory })) {
      // Of a stopped one conmon is about to write the exit file: its event follows.
      return state === 'created' ? { state } : { state: 'running', startedAt: undefined };
    }
    // Nobody would ever report its end.
    await containers.end({ id: container.id, name: nameOf(container), sandboxId: container.sandbox.id, bundle: container.directory }, signal);
    const written = await exitOf(container);
    return written && { state: 'exited', exit: { ...written, message: 'its exit status was lost: conmon, which watches it, was killed' } };
  }

  async #removeUnknown(known: ReadonlySet<string>, listed: ReadonlyMap<string, ListedContainer>, signal: AbortSignal): Promise<void> {
    const { containers, exits } = this.#parts;
    for (const [id, { bundle }] of listed) {
      if (!known.has(id)) await containers.remove({ id, name: id, sandboxId: undefined, bundle }, signal);
    }
    for (const id of await exits.ids()) if (!known.has(id)) await exits.remove(id);
  }
}

/** A reboot ends the namespaces and leaves, at most, empty files. */
async function areNamespacesPinned({ namespaces }: SandboxSpec): Promise<boolean> {
  const types = await Promise.all(
    Object.values(namespaces).map((path) =>
      statfs(path).then(
        ({ type }) => type,
        () => undefined,
      ),
    ),
  );
  return types.every((type) => type === namespaceFileSystem);
}
