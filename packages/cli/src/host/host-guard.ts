import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { mountPointsSync } from '@berth/shim/mount-points';
import { z } from 'zod';
import type { Directories } from '../configuration/directories.ts';
import { writeWholeFile } from '../files/write-whole-file.ts';
import { type Baseline, earliestBaseline, removeLeftovers, restoreSwitches, takeBaseline } from './baseline.ts';
import { NodeRegistry } from './node-registry.ts';

/** What is to be undone on the host, and of which boot it tells. */
interface Remembered {
  bootId: string;
  baseline: Baseline;
  /** Directories that didn't exist, to be removed. */
  made: string[];
}

const remembered: z.ZodType<Remembered> = z.object({
  bootId: z.string(),
  baseline: z.object({ links: z.array(z.string()), tables: z.array(z.string()), sysctls: z.record(z.string(), z.string()) }),
  made: z.array(z.string()),
});

/**
 * Takes the host back, at a node's end, to what it was at the node's start. What that was stands in
 * RUN/host-baseline.json: a node that takes over the pods of an earlier one (killed, or ended with --keep) takes over
 * what there is to undo as well.
 */
export class HostGuard {
  readonly #file: string;
  readonly #bridge: string;
  readonly #remembered: Remembered;
  readonly #registry: NodeRegistry;

  private constructor(file: string, bridge: string, remembered: Remembered, registry: NodeRegistry) {
    this.#file = file;
    this.#bridge = bridge;
    this.#remembered = remembered;
    this.#registry = registry;
  }

  /**
   * Looks at the host before anything is done to it. `ephemeral` directories that don't exist are remembered, to be
   * removed. A process that isn't root changes nothing of the host but its directories.
   */
  static begin(directories: Directories, bridge: string, ephemeral: boolean, registry = new NodeRegistry()): HostGuard {
    const file = join(directories.run, 'host-baseline.json');
    const earlier = readRemembered(file, bridge);
    if (earlier) {
      if (isRoot()) registry.enter(file);
      return new HostGuard(file, bridge, earlier, registry);
    }
    const made = ephemeral ? [directories.root, directories.run].filter((directory) => !existsSync(directory)) : [];
    const found = { bootId: bootId(), baseline: isRoot() ? baselineBeforeAll(file, bridge, registry) : nothing, made };
    writeWholeFile(file, JSON.stringify(found), { mode: 0o600, directoryMode: 0o700 });
    if (isRoot()) registry.enter(file);
    return new HostGuard(file, bridge, found, registry);
  }

  /** Undoes; the node's pods and processes have ended before. What other nodes still need is left to the last of them. */
  end(): void {
    if (isRoot()) this.#takeHostBack();
    rmSync(this.#file, { force: true });
    for (const directory of this.#remembered.made) removeDirectory(directory);
  }

  /** Of nodes that end at once, the last one to leave the registry finds nothing of the others any more, and sets the switches back. */
  #takeHostBack(): void {
    const { baseline } = this.#remembered;
    removeLeftovers(baseline, [this.#bridge]);
    this.#registry.leave(this.#file);
    if (!this.#registry.others(this.#file).some(existsSync)) restoreSwitches(baseline);
  }
}

const nothing: Baseline = { links: [], tables: [], sysctls: {} };

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** What other nodes that run have changed isn't the host's own. One whose file can't be read is left out. */
function baselineBeforeAll(file: string, bridge: string, registry: NodeRegistry): Baseline {
  const others = registry.others(file).flatMap((other) => {
    try {
      return readRemembered(other, '')?.baseline ?? [];
    } catch {
      return [];
    }
  });
  return earliestBaseline(takeBaseline([bridge]), others);
}

/** Undefined for a file that isn't there, or that tells of the host before a reboot. */
function readRemembered(file: string, bridge: string): Remembered | undefined {
  if (!existsSync(file)) return undefined;
  const earlier = parse(file, bridge);
  return earlier.bootId === bootId() ? earlier : undefined;
}

/** A damaged file isn't passed over: what an earlier node left would be taken for the host's own, and stay. */
function parse(file: string, bridge: string): Remembered {
  try {
    return remembered.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new PluginError('DATA_LOSS', "it is damaged, so it can't say what the host was like before the last node with this directory", {
      object: file,
      hint: `remove it; if that node has left its bridge, remove that too: ip link delete ${bridge}`,
      cause,
    });
  }
}

function bootId(): string {
  const file = '/proc/sys/kernel/random/boot_id';
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
}

/** Never removes through a mount: what is mounted there may be somebody's volume. */
function removeDirectory(directory: string): void {
  const mounted = [...mountPointsSync()].find((path) => path.startsWith(`${directory}/`));
  if (mounted) {
    throw new PluginError('FAILED_PRECONDITION', `${mounted} is still mounted`, {
      object: directory,
      hint: `unmount it, then remove ${directory}`,
    });
  }
  rmSync(directory, { recursive: true, force: true });
}
