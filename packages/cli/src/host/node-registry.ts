import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readlinkSync, rmdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The nodes of this host that have something to undo, whichever their directories: a symbolic link to each one's host-baseline.json.
 * A node that starts while another runs would take what that one has changed for the host's own.
 */
export class NodeRegistry {
  readonly #directory: string;

  constructor(directory = '/run/berth-nodes') {
    this.#directory = directory;
  }

  /** Enters a node by its baseline file. */
  enter(file: string): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
    rmSync(this.#link(file), { force: true });
    symlinkSync(file, this.#link(file));
  }

  /** Takes a node out; the last one takes the registry with it. */
  leave(file: string): void {
    rmSync(this.#link(file), { force: true });
    try {
      rmdirSync(this.#directory);
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  /** The baseline files of the other nodes; some may be gone, removed by hand. */
  others(file: string): string[] {
    const own = this.#link(file);
    return this.#links()
      .filter((link) => link !== own)
      .map((link) => readlinkSync(link));
  }

  #links(): string[] {
    try {
      return readdirSync(this.#directory).map((name) => join(this.#directory, name));
    } catch {
      return [];
    }
  }

  #link(file: string): string {
    return join(this.#directory, createHash('sha256').update(dirname(file)).digest('hex').slice(0, 16));
  }
}
