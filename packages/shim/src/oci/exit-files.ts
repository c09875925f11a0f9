import { EventEmitter } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessAborted } from '@berth/sdk/abort';
import { absent } from '../files/absent.ts';

/** How a container's process ended, as conmon wrote it down. */
export interface ProcessExit {
  /** 128 + signal number for a process that a signal ended. */
  exitCode: number;
  finishedAt: Date;
}

/** conmon's `--exit-dir`: a file with the exit code for each container that has ended, named by its id. */
export class ExitFiles {
  readonly directory: string;
  readonly #arrivals = new EventEmitter().setMaxListeners(0);
  #watcher: FSWatcher | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes the directory and watches it for as long as this process lives; `arrived` is told each id once its file is whole, perhaps more than once. */
  async open(arrived: (id: string) => void): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    this.#watcher ??= watch(this.directory, { persistent: false }, (_event, name) => this.#changed(name));
    this.#arrivals.on('arrived', arrived);
  }

  /** Undefined for a container that hasn't ended. */
  async read(id: string): Promise<ProcessExit | undefined> {
    const path = join(this.directory, id);
    const [code, status] = await Promise.all([readFile(path, 'utf8').catch(absent), stat(path).catch(absent)]);
    if (code === undefined || status === undefined) return undefined;
    return { exitCode: Number.parseInt(code, 10), finishedAt: status.mtime };
  }

  /** Resolves when the container has ended. */
  async wait(id: string, signal: AbortSignal): Promise<ProcessExit> {
    const { promise, resolve, reject } = Promise.withResolvers<ProcessExit>();
    const look = (): void => void this.read(id).then((exit) => exit && resolve(exit), reject);
    const arrived = (name: string): void => (name === id ? look() : undefined);
    this.#arrivals.on('arrived', arrived);
    try {
      look();
      return await unlessAborted(promise, signal);
    } finally {
      this.#arrivals.off('arrived', arrived);
    }
  }

  /** Writes the file that a conmon which died could not. */
  async write(id: string, exitCode: number): Promise<void> {
    const partial = join(this.directory, `.${id}`);
    await writeFile(partial, String(exitCode), { mode: 0o600 });
    await rename(partial, join(this.directory, id));
  }

  async remove(id: string): Promise<void> {
    await rm(join(this.directory, id), { force: true });
  }

  async ids(): Promise<string[]> {
    return (await readdir(this.directory)).filter(isId);
  }

  #changed(name: string | null): void {
    if (name !== null && isId(name)) this.#arrivals.emit('arrived', name);
  }
}

/** conmon writes to ID.RANDOM first and renames that. */
function isId(name: string): boolean {
  return !name.includes('.');
}
