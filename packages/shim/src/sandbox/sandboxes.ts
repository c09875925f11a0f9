import type { PodSandboxConfig } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { byCreation } from '../creation-time.ts';
import type { ShimDirectories } from '../directories.ts';
import { findById, notFound } from '../identifiers.ts';
import { NameRegistry } from '../name-registry.ts';
import { ObjectFiles } from '../object-files.ts';
import { describeSandbox, type Sandbox, sandboxFromRecord, sandboxName } from './sandbox.ts';

/** All sandboxes of this handler: in memory as they are on disk. */
export class Sandboxes {
  readonly #files: ObjectFiles<Sandbox['record']>;
  readonly #items = new Map<string, Sandbox>();
  readonly #names = new NameRegistry('sandbox');

  constructor(directories: ShimDirectories) {
    this.#files = new ObjectFiles(directories.sandboxes, 'sandbox');
  }

  /** Reads what an earlier process left. */
  async load(): Promise<void> {
    for (const [id, record] of [...(await this.#files.readAll())].toSorted(byCreation)) {
      const sandbox = sandboxFromRecord(id, record);
      this.#items.set(id, sandbox);
      this.#names.reserve(sandboxName(sandbox.config), id);
    }
  }

  /** Takes the pod's name for a sandbox to come; throws ALREADY_EXISTS if another has it. */
  reserve(config: PodSandboxConfig, id: string): void {
    this.#names.reserve(sandboxName(config), id);
  }

  /** Puts a new sandbox on disk, then in memory. */
  async add(sandbox: Sandbox): Promise<void> {
    await this.#files.create(sandbox.id, sandbox.record);
    this.#items.set(sandbox.id, sandbox);
  }

  /** Puts what has changed of a sandbox on disk; nothing where it has been removed meanwhile. */
  async put(sandbox: Sandbox): Promise<void> {
    await this.#files.write(sandbox.id, sandbox.record);
  }

  /** As `put`, for what has happened and can't be refused any more: a full disk delays it. */
  async note(sandbox: Sandbox): Promise<void> {
    await this.#files.note(sandbox.id, sandbox.record);
  }

  /** Forgets it, its folder and its name. */
  async delete(id: string): Promise<void> {
    await this.#files.remove(id);
    this.#items.delete(id);
    this.#names.release(id);
  }

  list(): Sandbox[] {
    return [...this.#items.values()];
  }

  /** By whole id or the unique start of one. */
  find(reference: string): Sandbox | undefined {
    return findById(this.#items, reference, 'sandbox');
  }

  /** As `find`, or NOT_FOUND. */
  get(reference: string): Sandbox {
    const sandbox = this.find(reference);
    if (!sandbox) throw notFound('sandbox', reference);
    return sandbox;
  }

  /** As `get`, or FAILED_PRECONDITION for one that isn't ready. */
  getReady(reference: string): Sandbox {
    const sandbox = this.get(reference);
    if (sandbox.record.phase === 'ready') return sandbox;
    throw new PluginError('FAILED_PRECONDITION', `it is ${sandbox.record.phase}`, {
      object: describeSandbox(sandbox),
      hint: 'run a new sandbox',
    });
  }
}
