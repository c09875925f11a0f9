import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';

/** Where one handler's shim keeps its things. */
export class ShimDirectories {
  readonly #objects: string;
  readonly #run: string;
  readonly #handler: string;
  readonly root: string;

  constructor(root: string, run: string, handler: string) {
    this.root = root;
    this.#objects = join(root, 'runtimes', handler);
    this.#run = run;
    this.#handler = handler;
  }

  /** Held by the one process that serves this handler from this root. */
  get lock(): string {
    return join(this.#objects, 'lock');
  }

  /** What UpdateRuntimeConfig told. */
  get podCidr(): string {
    return join(this.#objects, 'pod-cidr.json');
  }

  get sandboxes(): string {
    return join(this.#objects, 'sandboxes');
  }

  get containers(): string {
    return join(this.#objects, 'containers');
  }

  /** The runtime's own files of an object. */
  sandboxRuntime(id: string): string {
    return join(this.sandboxes, id, 'runtime');
  }

  containerRuntime(id: string): string {
    return join(this.containers, id, 'runtime');
  }

  /** Namespace pins of all sandboxes of this handler; gone after a reboot, as the namespaces are. */
  get allNamespaces(): string {
    return join(this.#run, 'namespaces', this.#handler);
  }

  namespaces(sandboxId: string): string {
    return join(this.allNamespaces, sandboxId);
  }

  get calls(): string {
    return join(this.#run, 'calls');
  }

  /** Calls made for one sandbox, a CallRecord a line. */
  callsOf(sandboxId: string): string {
    return join(this.calls, `${sandboxId}.jsonl`);
  }

  /** Those of every sandbox that there is or was. */
  callFiles(): string[] {
    return entries(this.calls).map((name) => join(this.calls, name));
  }

  /** Ids of this handler's sandboxes. */
  sandboxIds(): string[] {
    return entries(this.sandboxes);
  }

  /** The layered store, one for all handlers. */
  get images(): string {
    return join(this.root, 'images');
  }

  /** What this shim makes of its run directory, inner ones first. */
  get runDirectories(): string[] {
    return [this.allNamespaces, join(this.#run, 'namespaces'), this.calls, this.#run];
  }

  /** The sandboxes of every handler that keeps its objects below the same root: `id` is a folder in `directory`. */
  sandboxesOfAllHandlers(): { directory: string; id: string }[] {
    const runtimes = join(this.root, 'runtimes');
    return entries(runtimes).flatMap((handler) => {
      const directory = join(runtimes, handler, 'sandboxes');
      return entries(directory).map((id) => ({ directory, id }));
    });
  }

  /**
   * What concerns pods' networks, of all handlers: results of ADD below `results/`, as libcni keeps them, and locks of networks below `locks/`.
   * Beside these a node keeps the configuration and the addresses of its own network there.
   */
  get cni(): string {
    return join(this.root, 'cni');
  }
}

/** None where there is no such directory. One that can't be read is no empty one: what is in it would be taken for gone. */
function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw PluginError.from(error, 'INTERNAL', { object: directory });
  }
}
