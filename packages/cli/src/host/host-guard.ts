import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { Directories } from '../configuration/directories.ts';
import { type Baseline, restoreBaseline, takeBaseline } from './baseline.ts';

/** What is to be undone on the host, and of which boot it tells. */
interface Remembered {
  bootId: string;
  baseline: Baseline;
  /** Directories that didn't exist, to be removed. */
  made: string[];
}

/**
 * Takes the host back, at a node's end, to what it was at the node's start. What that was stands in
 * RUN/host-baseline.json: a node that takes over the pods of an earlier one (killed, or ended with --keep) takes over
 * what there is to undo as well.
 */
export class HostGuard {
  readonly #file: string;
  readonly #bridge: string;
  readonly #remembered: Remembered;

  private constructor(file: string, bridge: string, remembered: Remembered) {
    this.#file = file;
    this.#bridge = bridge;
    this.#remembered = remembered;
  }

  /**
   * Looks at the host before anything is done to it. `ephemeral` directories that don't exist are remembered, to be
   * removed. A process that isn't root changes nothing of the host but its directories.
   */
  static begin(directories: Directories, bridge: string, ephemeral: boolean): HostGuard {
    const file = join(directories.run, 'host-baseline.json');
    const earlier = readRemembered(file);
    if (earlier) return new HostGuard(file, bridge, earlier);
    const made = ephemeral ? [directories.root, directories.run].filter((directory) => !existsSync(directory)) : [];
    const baseline = process.getuid?.() === 0 ? takeBaseline() : { links: [], tables: [], sysctls: {} };
    const remembered = { bootId: bootId(), baseline, made };
    mkdirSync(directories.run, { recursive: true, mode: 0o700 });
    writeFileSync(file, JSON.stringify(remembered), { mode: 0o600 });
    return new HostGuard(file, bridge, remembered);
  }

  /** Undoes; the node's pods and processes have ended before. */
  end(): void {
    if (process.getuid?.() === 0) restoreBaseline(this.#remembered.baseline, [this.#bridge]);
    rmSync(this.#file, { force: true });
    for (const directory of this.#remembered.made) removeDirectory(directory);
  }
}

/** Undefined for a file that isn't there, or that tells of the host before a reboot. */
function readRemembered(file: string): Remembered | undefined {
  if (!existsSync(file)) return undefined;
  const remembered = JSON.parse(readFileSync(file, 'utf8')) as Remembered;
  return remembered.bootId === bootId() ? remembered : undefined;
}

function bootId(): string {
  const file = '/proc/sys/kernel/random/boot_id';
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
}

/** Never removes through a mount: what is mounted there may be somebody's volume. */
function removeDirectory(directory: string): void {
  const mounted = mountPoints().find((path) => path.startsWith(`${directory}/`));
  if (mounted) {
    throw new PluginError('FAILED_PRECONDITION', `${mounted} is still mounted`, {
      object: directory,
      hint: `unmount it, then remove ${directory}`,
    });
  }
  rmSync(directory, { recursive: true, force: true });
}

function mountPoints(): string[] {
  if (!existsSync('/proc/self/mountinfo')) return [];
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? []);
}
