import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { apiTime } from '../pod.ts';
import type { FsStats } from './summary.ts';

interface FileSystemsOptions {
  clock: Clock;
  log: Logger;
  /** For tests: statfs(2) of another host. */
  ask?(path: string): Promise<StatsFs>;
}

/** One of the network whose server is gone answers never. */
const deadlineMs = 5000;

/**
 * What the host's file systems hold. One that doesn't answer in time has no figures until it does, which is told once: each question holds a
 * thread of Node's few until then, so it isn't asked again meanwhile.
 */
export class FileSystems {
  readonly #options: FileSystemsOptions;
  /** By path: questions that haven't been answered; who asks meanwhile waits for the same answer. */
  readonly #open = new Map<string, Promise<StatsFs | undefined>>();
  /** By path: those that haven't answered in time. */
  readonly #hung = new Set<string>();

  constructor(options: FileSystemsOptions) {
    this.#options = options;
  }

  /** The file system that `path` is on; undefined where there is no such path, and where it doesn't answer. */
  async of(path: string, now: Date): Promise<FsStats | undefined> {
    if (this.#hung.has(path)) return undefined;
    const late = Promise.withResolvers<undefined>();
    const answer = this.#open.get(path) ?? this.#ask(path);
    const cancel = this.#options.clock.after(deadlineMs, () => {
      this.#hangs(path, answer);
      late.resolve(undefined);
    });
    const stats = await Promise.race([answer, late.promise]);
    cancel();
    return stats && statsOf(stats, now);
  }

  #ask(path: string): Promise<StatsFs | undefined> {
    const { ask = statfs } = this.#options;
    const answer = ask(path)
      .catch(() => undefined)
      .finally(() => this.#open.delete(path));
    this.#open.set(path, answer);
    return answer;
  }

  #hangs(path: string, answer: Promise<unknown>): void {
    if (this.#hung.has(path)) return;
    this.#hung.add(path);
    this.#options.log.warn(`the file system of ${path} doesn't answer: it has no figures until it does; look whether its server is there`);
    void answer.then(() => {
      this.#hung.delete(path);
      this.#options.log.info(`the file system of ${path} answers again`);
    });
  }
}

function statsOf({ bsize, blocks, bfree, bavail, files, ffree }: StatsFs, now: Date): FsStats {
  return {
    time: apiTime(now),
    availableBytes: bavail * bsize,
    capacityBytes: blocks * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodesFree: ffree,
    inodes: files,
    inodesUsed: files - ffree,
  };
}
