import { join } from 'node:path';

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

  /** libcni's cache: results below `results/`. */
  get cni(): string {
    return join(this.root, 'cni');
  }
}
